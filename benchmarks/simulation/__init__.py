"""Simulates a day of load on a cluster, using the real autoscaling policy and Ray's own scaling rules."""
