"""A day of load on a simulated cluster, with the real autoscaling policy and Ray's own rules."""
