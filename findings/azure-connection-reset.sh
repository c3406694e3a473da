#!/usr/bin/env bash
# Where the other side resets a connection at the moment at which it is made (a server that is ending does), .NET's HttpClient sometimes throws no
# HttpRequestException but the socket's own SocketException, since it asks the connected socket for the other side's address. The Azure SDK for .NET does not
# repeat such a request, as it does after any other failure to connect, and its caller gets the bare SocketException.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir program
cat >program/program.csproj <<'PROJECT'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Azure.Storage.Blobs" Version="12.30.1" />
  </ItemGroup>
</Project>
PROJECT
cat >program/Program.cs <<'PROGRAM'
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

var version = typeof(BlobClient).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
Console.WriteLine($".NET {Environment.Version}, Azure.Storage.Blobs {version}");

using var listener = new TcpListener(IPAddress.Loopback, 0);
listener.Start();
_ = Task.Run(() =>
{
    while (true)
    {
        using var socket = listener.AcceptSocket();
        socket.LingerState = new LingerOption(true, 0); // so that closing resets the connection
    }
});

// It is a race: the reset must come between the connection and HttpClient's look at the other side's address.
const int triesMax = 200_000;
var seen = new SortedDictionary<string, int>();
using (var http = new HttpClient())
{
    for (var tries = 0; tries < triesMax && !seen.ContainsKey(nameof(SocketException)); tries++)
    {
        var failure = await FailureOf(() => http.GetAsync($"http://{listener.LocalEndpoint}/"));
        seen[failure] = seen.GetValueOrDefault(failure) + 1;
    }
}

Console.WriteLine($"HttpClient, connections reset as soon as they are made, until the first of another kind: {string.Join(", ", seen.Select(one => $"{one.Key} {one.Value}"))}");
await ReportAsync(new HttpRequestException("refused"));
await ReportAsync(new SocketException((int)SocketError.NotConnected));

static async Task ReportAsync(Exception failure)
{
    var failing = new Failing(failure);
    var options = new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(failing)) };
    (options.Retry.MaxRetries, options.Retry.Delay) = (3, TimeSpan.FromMilliseconds(10));
    var blob = new BlobClient(new Uri("http://127.0.0.1/container/blob"), options);
    var told = await FailureOf(() => blob.DownloadContentAsync());
    Console.WriteLine($"where HttpClient throws {failure.GetType().Name}, BlobClient throws {told}, tries: {failing.Tries} of 4");
}

static async Task<string> FailureOf(Func<Task> call)
{
    try
    {
        await call();
        return "nothing";
    }
    catch (Exception exception)
    {
        return exception.GetType().Name;
    }
}

// Stands for a connection that fails.
sealed class Failing(Exception failure) : HttpMessageHandler
{
    public int Tries { get; private set; }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Tries++;
        return Task.FromException<HttpResponseMessage>(failure);
    }
}
PROGRAM
output=$(dotnet run --project program 2>&1) || true
echo "$output"
if grep -q "until the first of another kind: .*SocketException 1$" <<<"$output" \
  && grep -q "throws HttpRequestException, BlobClient throws AggregateException, tries: 4 of 4$" <<<"$output" \
  && grep -q "throws SocketException, BlobClient throws SocketException, tries: 1 of 4$" <<<"$output"; then
  echo "as described"
else
  echo "CHANGED: the exceptions are others"
  exit 1
fi
