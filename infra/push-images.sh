#!/usr/bin/env bash
# Builds both images here and pushes them to a registry that is there already. Needs Docker, and az signed in as somebody with AcrPush.
#   infra/push-images.sh <registry's address> <tag>
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: $0 <registry's address> <tag>" >&2
  exit 2
fi

server=$1
tag=$2
registry=${server%%.*}
root=$(cd "$(dirname "$0")/.." && pwd)
image() { echo "orleansstream-$(echo "$1" | tr '[:upper:]' '[:lower:]'):$tag"; }

az acr login --name "$registry"
for process in Silo Api; do
  # A tag that moved would change a silo's version when its container restarts.
  if az acr repository show --name "$registry" --image "$(image $process)" --output none 2>/dev/null; then
    echo "$(image $process) is in $registry already; tags don't move, so give a new one." >&2
    exit 1
  fi
done

for process in Silo Api; do
  docker build --file "$root/infra/docker/$process.Dockerfile" --tag "$server/$(image $process)" "$root"
done

for process in Silo Api; do
  docker push "$server/$(image $process)"
done

echo "Both images are in $registry with the tag $tag."
