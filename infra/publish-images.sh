#!/usr/bin/env bash
# Makes the registry where it is missing, and builds both images in it. Needs az, signed in, and no Docker.
#   infra/publish-images.sh <resource-group> <tag>
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: $0 <resource-group> <tag>" >&2
  exit 2
fi

resource_group=$1
tag=$2
root=$(cd "$(dirname "$0")/.." && pwd)

registry=$(az deployment group create --resource-group "$resource_group" --name registry \
  --template-file "$root/infra/bicep/registry.bicep" --query properties.outputs.registryName.value --output tsv)

for process in Silo Api; do
  image="orleansstream-$(echo "$process" | tr '[:upper:]' '[:lower:]'):$tag"
  # A tag that moved would change a silo's version when its container restarts.
  if az acr repository show --name "$registry" --image "$image" --output none 2>/dev/null; then
    echo "$image is in $registry already; tags don't move, so give a new one." >&2
    exit 1
  fi
  az acr build --registry "$registry" --image "$image" --file "infra/docker/$process.Dockerfile" "$root"
done

echo "Both images are in $registry with the tag $tag."
