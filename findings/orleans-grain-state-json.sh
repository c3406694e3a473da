#!/usr/bin/env bash
# Orleans' default serializer of grain state writes without an error what it cannot read back. The JSON names each value's own type, with references kept:
# a list that a collection expression made is then of a type that the compiler invented and nobody can resolve, an ImmutableDictionary is "created from a
# non-default constructor", and of a ReadOnlyMemory<byte> only the length is written, and read back as nothing, without an error. The write is acknowledged;
# the state cannot be read once the grain is activated anew. A list in an array, and a Dictionary behind the same interfaces, come back.
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
    <Nullable>enable</Nullable>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.Orleans.Server" Version="10.4.2" />
    <PackageReference Include="Microsoft.Orleans.Sdk" Version="10.4.2" />
  </ItemGroup>
</Project>
PROJECT
cat >Program.cs <<'PROGRAM'
using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

var builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders();
builder.UseOrleans(silo => silo.UseLocalhostClustering());
using var host = builder.Build();
// What every provider of grain storage gets where nobody sets another.
var serializer = host.Services.GetRequiredService<IGrainStorageSerializer>();
string version = typeof(IGrainStorageSerializer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('.', 4) is [var a, var b, var c, ..] ? $"{a}.{b}.{c}" : "?";
Console.WriteLine($"Orleans {version}, {serializer.GetType().Name}");
Try("int[] in an IReadOnlyList", new Scores { Goals = new[] { 12, 80 } }, read => string.Join(' ', read.Goals));
Try("[12, 80] in an IReadOnlyList", new Scores { Goals = [12, 80] }, read => string.Join(' ', read.Goals));
Try("Dictionary in an IReadOnlyDictionary", new Teams { Names = new Dictionary<string, string> { ["ar"] = "Argentina" } }, read => read.Names!["ar"]);
Try("ImmutableDictionary", new Teams { Names = ImmutableDictionary<string, string>.Empty.Add("ar", "Argentina") }, read => read.Names!["ar"]);
Try("ReadOnlyMemory of 3 bytes", new Picture { Bytes = new byte[] { 1, 2, 3 } }, read => $"{read.Bytes.Length} bytes");

void Try<T>(string what, T state, Func<T, string> show)
{
    BinaryData written = serializer.Serialize(state);
    string read;
    try
    {
        read = "reads " + show(serializer.Deserialize<T>(written));
    }
    catch (Exception e)
    {
        read = $"cannot read it: {(e.InnerException?.Message ?? e.Message).Split(". ")[0]}";
    }

    Console.WriteLine($"{what}: writes {written.ToArray().Length} bytes, {read}");
}

[GenerateSerializer]
public sealed class Scores
{
    [Id(0)] public IReadOnlyList<int> Goals { get; set; } = [];
}

[GenerateSerializer]
public sealed class Teams
{
    [Id(0)] public IReadOnlyDictionary<string, string>? Names { get; set; }
}

[GenerateSerializer]
public sealed class Picture
{
    [Id(0)] public ReadOnlyMemory<byte> Bytes { get; set; }
}
PROGRAM
output=$(dotnet run 2>&1)
echo "$output"
if grep -q "^int\[\].* reads 12 80$" <<<"$output" && grep -q "^\[12, 80\].* cannot read it: .*z__ReadOnlyArray" <<<"$output" \
  && grep -q "^Dictionary.* reads Argentina$" <<<"$output" && grep -q "^ImmutableDictionary.* cannot read it: .*non-default constructor" <<<"$output" \
  && grep -q "^ReadOnlyMemory.* reads 0 bytes$" <<<"$output"; then
  echo "as described"
else
  echo "CHANGED: grain state comes back as it was written"
  exit 1
fi
