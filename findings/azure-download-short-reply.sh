#!/usr/bin/env bash
# The Azure SDK for .NET resumes a download whose connection breaks off: it asks for the rest of the blob as a range. HTTP lets a server answer a range in part
# (RFC 9110, section 15.3.7), and the reply says so in Content-Range. The SDK takes the end of that reply for the end of the blob: DownloadContentAsync gives
# fewer bytes than the blob has, without an error, and its details still tell the whole length. Who parses the bytes has to compare the two.
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
using System.Net.Http.Headers;
using System.Reflection;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

string version = typeof(BlobClient).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
Console.WriteLine($"Azure.Storage.Blobs {version}");
var options = new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(new Server())) };
var blob = new BlobClient(new Uri("http://127.0.0.1/container/blob"), options);
var result = (await blob.DownloadContentAsync()).Value;
Console.WriteLine($"a blob of 10 bytes: DownloadContentAsync gives {result.Content.ToMemory().Length} bytes without an error, details tell {result.Details.ContentLength}");

// Stands for a blob service behind a bad line: no connection is made.
sealed class Server : HttpMessageHandler
{
    private static readonly byte[] Blob = "abcdefghij"u8.ToArray();

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        bool isRest = request.Headers.TryGetValues("x-ms-range", out var ranges) || request.Headers.TryGetValues("Range", out ranges);
        Console.WriteLine($"request: {(isRest ? ranges!.Single() : "the whole blob")}");
        var response = new HttpResponseMessage(isRest ? HttpStatusCode.PartialContent : HttpStatusCode.OK)
        {
            // The first reply breaks off behind five bytes; the second has two of the five bytes that are asked for, and says so.
            Content = isRest ? new ByteArrayContent(Blob[5..7]) : new StreamContent(new BrokenOff(Blob[..5])),
        };
        response.Headers.ETag = new EntityTagHeaderValue("\"1\"");
        response.Headers.Add("x-ms-blob-type", "BlockBlob");
        if (isRest)
            response.Content.Headers.ContentRange = new ContentRangeHeaderValue(5, 6, Blob.Length);
        else
            response.Content.Headers.ContentLength = Blob.Length;
        return Task.FromResult(response);
    }
}

sealed class BrokenOff(byte[] bytes) : MemoryStream(bytes)
{
    public override bool CanSeek => false;

    public override int Read(byte[] buffer, int offset, int count) =>
        base.Read(buffer, offset, count) is > 0 and var read ? read : throw new IOException("The connection breaks off.");

    public override int Read(Span<byte> buffer) =>
        base.Read(buffer) is > 0 and var read ? read : throw new IOException("The connection breaks off.");

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer, offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
}
PROGRAM
output=$(dotnet run --project program 2>&1) || true
echo "$output"
if grep -q "gives 7 bytes without an error, details tell 10$" <<<"$output"; then
  echo "as described"
else
  echo "CHANGED: a short reply is noticed"
  exit 1
fi
