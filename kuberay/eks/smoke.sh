#!/usr/bin/env bash
# Tests a deployed Raylens through Kubernetes and its public URL. Changes nothing unless DISRUPT is set.
#
#   kuberay/eks/smoke.sh URL IMAGE [NAMESPACE [RELEASE]]
#   DISRUPT=yes kuberay/eks/smoke.sh …      also deletes a worker's pod, and counts the requests that fail
#
# Exit status: 0 success, 1 failure, 2 wrong usage.
set -euo pipefail

[[ $# -ge 2 && -r $2 ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
url=${1%/}
image=$2
namespace=${3:-default}
release=${4:-raylens}
give_up=$((SECONDS + ${TIMEOUT_S:-900}))

ask() { kubectl --namespace "$namespace" get "$@"; }
field() { ask rayservice "$release" --output "jsonpath=$1"; }
fetch() { curl --silent --show-error --fail --max-time 40 "$@"; }
say() { printf '%-44s %s\n' "$1" "$2"; }
fail() { say "$1" "FAILED${2:+: $2}"; exit 1; }

# Ready stays true during an upgrade, so also check for its end, and that the application runs.
is_up() {
  [[ $(field '{.status.conditions[?(@.type=="Ready")].status}') == True ]] &&
    [[ $(field '{.status.conditions[?(@.type=="UpgradeInProgress")].status}') == False ]] &&
    [[ $(field '{.status.observedGeneration}') == "$(field '{.metadata.generation}')" ]] &&
    [[ $(field '{.status.activeServiceStatus.applicationStatuses.raylens.status}') == RUNNING ]]
}

until is_up; do
  ((SECONDS < give_up)) || fail "RayService $release" "not up; see kubectl describe rayservice $release"
  sleep "${PAUSE_S:-5}"
done
say "RayService $release" "up"

nodes=$(ask pods --selector "raylens/instance=$release,raylens/component=worker" \
  --field-selector status.phase=Running --output 'jsonpath={.items[*].spec.nodeName}' | tr ' ' '\n' | sort -u | wc -l)
((nodes >= 2)) || fail "workers on two nodes or more" "they are on $nodes"
say "workers on two nodes or more" "$nodes"

fetch "$url/api/health/ready" | grep -q '"status":"ready"' || fail "every component is ready" "$(curl -s "$url/api/health/ready")"
say "every component is ready" "yes"

label=$(fetch --data-binary "@$image" "$url/api/v1/classifications?top_k=1" | sed -n 's/.*"label":"\([^"]*\)".*/\1/p') || true
[[ -n $label ]] || fail "classification"
say "classification" "$label"

# The record is in the database a moment later.
for _ in 1 2 3 4 5; do
  fetch "$url/api/v1/top?by=label&limit=100" | grep -q "\"$label\"" && counted=yes && break
  sleep "${PAUSE_S:-1}"
done
[[ ${counted:-} ]] || fail "the record is counted"
say "the record is counted" "yes"

case $url in
https://*)
  location=$(curl --silent --output /dev/null --write-out '%{redirect_url}' "http://${url#https://}/")
  [[ $location == https://* ]] || fail "plain HTTP leads to HTTPS" "${location:-no redirect}"
  say "plain HTTP leads to HTTPS" "yes"
  ;;
esac

if [[ ${DISRUPT:-} == yes ]]; then
  pod=$(ask pods --selector "raylens/instance=$release,raylens/component=worker" --output 'jsonpath={.items[0].metadata.name}')
  kubectl --namespace "$namespace" delete pod "$pod" --wait=false >/dev/null
  requests=0 failed=0 end=$((SECONDS + ${DISRUPT_S:-120}))
  while ((SECONDS < end)); do
    requests=$((requests + 1))
    fetch --output /dev/null --data-binary "@$image" "$url/api/v1/classifications" 2>/dev/null || failed=$((failed + 1))
    sleep 0.2
  done
  ((failed == 0)) || fail "requests while $pod is deleted" "$failed of $requests failed"
  say "requests while $pod is deleted" "$requests, none failed"
fi
