#!/usr/bin/env bash
# Orleans' grain storage on Azure Blob Storage makes its container at the start. Deleted afterwards, by mistake or by whoever cleans up, it is not missed: each
# 404 of a read counts as "no state yet", also that of a container, so grains start anew from nothing without an error; and the first write of a grain that has
# no state makes the container again. The loss of all states looks like a service that nobody has used yet.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$azurite" 2>/dev/null || true; rm -rf "$folder"' EXIT
azurite=
cd "$folder"
npm init --yes >/dev/null
npm install --no-fund --no-audit --loglevel=error azurite@3.37.0 >/dev/null
mkdir program
cat >program/program.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <NoWarn>$(NoWarn);NU1603</NoWarn>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.Orleans.Server" Version="10.4.2" />
    <PackageReference Include="Microsoft.Orleans.Persistence.AzureStorage" Version="10.4.2" />
  </ItemGroup>
</Project>
PROJECT
cat >program/Program.cs <<'PROGRAM'
using System.Reflection;
using Azure.Storage.Blobs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

// The account and key that every Azurite has, published by Microsoft: no secret.
const string account = "devstoreaccount1", key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
var client = new BlobServiceClient($"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};BlobEndpoint=http://127.0.0.1:{args[0]}/{account};");
BlobContainerClient container = client.GetBlobContainerClient("states");
var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
builder.UseOrleans(silo => silo.UseLocalhostClustering().AddAzureBlobGrainStorage("blobs", options =>
{
    options.BlobServiceClient = client;
    options.ContainerName = container.Name;
}));
using var host = builder.Build();
await host.StartAsync();
var storage = host.Services.GetRequiredKeyedService<IGrainStorage>("blobs");
string version = storage.GetType().Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split(". ")[0];
Console.WriteLine($"Microsoft.Orleans.Persistence.AzureStorage {version}, azurite 3.37.0");

GrainId anna = GrainId.Create("account", "anna");
await storage.WriteStateAsync("balance", anna, new GrainState<int>(200));
await container.DeleteAsync();
var read = new GrainState<int>();
await storage.ReadStateAsync("balance", anna, read);
Console.WriteLine($"the container is deleted: a read of the state 200 gives {read.State} without an error");
await storage.WriteStateAsync("balance", GrainId.Create("account", "ben"), new GrainState<int>(1));
Console.WriteLine($"another grain's first write is acknowledged, and the container is there: {(await container.ExistsAsync()).Value}");
await host.StopAsync();
PROGRAM
port=$(node -e "const server = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(server.address().port); server.close(); })")
node node_modules/azurite/dist/src/blob/main.js --blobHost 127.0.0.1 --blobPort "$port" --location blobs --skipApiVersionCheck --disableTelemetry --silent >azurite.log &
azurite=$!
output=$(dotnet run --project program -- "$port" 2>&1) || true
echo "$output"
if grep -q "a read of the state 200 gives 0 without an error$" <<<"$output" && grep -q "is acknowledged, and the container is there: True$" <<<"$output"; then
  echo "as described"
else
  echo "CHANGED: a container that is gone is told of"
  exit 1
fi
