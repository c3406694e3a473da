#!/usr/bin/env bash
# System.Net.ServerSentEvents' SseParser sets LastEventId when it reads the line `id:`. The HTML standard's event streams keep the id in a buffer until the
# event is dispatched by its empty line. A client that resumes by LastEventId after the stream broke off in the middle of an event, as every
# network can make it, therefore asks for what follows an event that it was never given. It matters where `id:` is an event's first line, as usual.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >program.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <RestoreEnablePackagePruning>false</RestoreEnablePackagePruning>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="System.Net.ServerSentEvents" Version="10.0.12" />
  </ItemGroup>
</Project>
PROJECT
cat >Program.cs <<'PROGRAM'
using System.Net.ServerSentEvents;
using System.Reflection;
using System.Text;

string version = typeof(SseParser).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
string[] streams = ["id: 1\ndata: a goal\n\nid: 2\ndata: a sav", "data: a goal\nid: 1\n\ndata: a save\ni"];
foreach (string stream in streams)
{
    var parser = SseParser.Create(new MemoryStream(Encoding.UTF8.GetBytes(stream)));
    string delivered = string.Join(", ", parser.Enumerate().Select(item => $"{item.EventId} '{item.Data}'"));
    string shape = stream.StartsWith("id", StringComparison.Ordinal) ? "first" : "last";
    Console.WriteLine($"System.Net.ServerSentEvents {version}, id as the {shape} line, cut off in the second event: delivered {delivered}; LastEventId {parser.LastEventId}");
}
PROGRAM
output=$(dotnet run 2>&1)
echo "$output"
if grep -q "first line.*delivered 1 'a goal'; LastEventId 2$" <<<"$output" && grep -q "last line.*delivered 1 'a goal'; LastEventId 1$" <<<"$output"; then
  echo "as described"
else
  echo "CHANGED: LastEventId is no longer that of an event that was cut off"
  exit 1
fi
