using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A bad byte in a closed segment: what readers are told of it, and what the command <c>verify</c> prints.</summary>
public sealed class VerifyTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "verified";
    private const int RequestCount = 12;
    private const int DamagedOffset = 5;

    [Fact]
    public async Task Fetch_WhenAClosedSegmentIsDamaged_SaysWhereAndServesAllElse()
    {
        using var folder = new ScratchFolder();
        var data = folder.PathOf("data");
        await StoreAsync(data);
        Assert.Equal((0, ""), await VerifyAsync(Repository.SiloAssembly, data));
        var damaged = Damage(data);

        await using (var service = await ServiceProcess.StartAsync(data))
        {
            using var client = service.Connect();
            var path = $"/v1/topics/{Topic}/partitions/1/records";
            var answer = await client.GetAsync($"{path}?offset={DamagedOffset}");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
            Assert.Equal("PARTITION_OFFLINE", answer.ErrorCode);
            var damage = answer.Body!["damage"]!;
            Assert.Equal((Topic, 1, (long)DamagedOffset), ((string?)damage["topic"], (int)damage["partition"]!, (long)damage["offset"]!));
            Assert.EndsWith((string)damage["segment"]!, damaged.Replace('\\', '/'), StringComparison.Ordinal);
            Assert.Contains(service.Output, line => line.Contains($"the stored bytes of offset {DamagedOffset} are damaged", StringComparison.Ordinal));

            // Up to it, behind it, beside it, and at the end of it all.
            var before = (await client.GetAsync($"{path}?offset=0")).Expect(HttpStatusCode.OK).Body!["records"]!.AsArray();
            Assert.InRange(before.Count, 1, DamagedOffset);
            var behind = (await client.GetAsync($"{path}?offset={DamagedOffset + 1}")).Expect(HttpStatusCode.OK).Body!["records"]![0]!;
            Assert.Equal((DamagedOffset + 1, $"event {DamagedOffset + 1}"), ((int)behind["offset"]!, (string)behind["value"]!["text"]!));
            Assert.Equal(RequestCount, (await client.ReadAllAsync(Topic, 0)).Count);
            Assert.Equal([new Place(1, RequestCount)], await client.ProduceAsync(Topic, new JsonObject { ["partition"] = 1, ["value"] = 1 }));

            await AssertTailTellsAsync(client);

            // What is being written cannot be told from damage.
            var (busy, _, reason) = await RunVerifyAsync(Repository.SiloAssembly, data);
            Assert.Equal(StorageVerification.NotVerified, busy);
            Assert.Contains("in use by another process", reason, StringComparison.Ordinal);
            Assert.Equal(0, await service.StopAsync());
        }

        var (exitCode, faults) = await VerifyAsync(Repository.ServiceAssembly, data);
        Assert.Equal(StorageVerification.Damaged, exitCode);
        Assert.Contains($"topic '{Topic}', partition 1, offset {DamagedOffset}: ", Assert.Single(faults.Split('\n')), StringComparison.Ordinal);
        Assert.Contains(Path.GetFileName(damaged), faults, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_WhenABlobIsDamaged_SaysWhere()
    {
        const string container = "verify";
        var token = TestContext.Current.CancellationToken;
        var blobs = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, container, TimeProvider.System);
        await blobs.EnsureCreatedAsync(token);
        var key = new PartitionKey(Guid.NewGuid(), 0);
        await using (var log = await PartitionLog.OpenAsync(
            key.ToString(), "owner", new LogOptions { SegmentBytes = 400 }, blobs.Segments, blobs.Documents, TimeProvider.System, token))
        {
            for (var i = 0; i < RequestCount; i++)
                Assert.Null((await log.PutAsync(TestBatch.Of($"event {i}"))).Error);
            // Beside its owner.
            Assert.Equal((StorageVerification.Sound, ""), await VerifyBlobsAsync(container));
        }

        var segment = await blobs.Segments.ListAsync($"{key}/", token).FirstAsync(token);
        var bytes = new byte[segment.Length];
        await blobs.Segments.ReadAsync(segment.Name, 0, bytes, token);
        bytes[^1] ^= 1;
        await blobs.Segments.DeleteAsync(segment.Name, token);
        await blobs.Segments.CreateAsync(segment.Name, token);
        await blobs.Segments.AppendAsync(segment.Name, 0, bytes, token);

        var (exitCode, faults) = await VerifyBlobsAsync(container);
        Assert.Equal(StorageVerification.Damaged, exitCode);
        Assert.Contains($"{key.TopicId:D}, partition 0, offset ", faults, StringComparison.Ordinal);
        Assert.Contains(segment.Name, faults, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_WhenItCannotStart_SaysWhy()
    {
        using var folder = new ScratchFolder();
        var (exitCode, _, errors) = await RunVerifyAsync(Repository.SiloAssembly, folder.PathOf("nothing"));
        Assert.Equal(StorageVerification.NotVerified, exitCode);
        Assert.Contains("is no data folder", Assert.Single(errors.Trim().Split('\n')), StringComparison.Ordinal);

        (exitCode, _, errors) = await RunVerifyAsync(Repository.SiloAssembly, folder.Path, "--OrleansStream:Storage:Provider=Tape");
        Assert.Equal(StorageVerification.NotVerified, exitCode);
        Assert.Contains("OrleansStream:Storage:Provider is 'Tape'", errors, StringComparison.Ordinal);
    }

    // A live tail says where it cannot go on, and goes on with the other partition.
    private static async Task AssertTailTellsAsync(ServiceClient client)
    {
        using var response = await client.Http.GetAsync(
            new Uri($"/v1/topics/{Topic}/records?from=earliest", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        using var deadline = new CancellationTokenSource(Wait.Patience);
        JsonNode? told = null;
        var others = 0;
        for (var name = ""; told is null || others < RequestCount;)
        {
            var line = await lines.ReadLineAsync(deadline.Token) ?? throw new EndOfStreamException("The tail has ended.");
            if (line.StartsWith("event: ", StringComparison.Ordinal))
                name = line["event: ".Length..];
            if (!line.StartsWith("data: ", StringComparison.Ordinal))
                continue;
            var data = JsonNode.Parse(line["data: ".Length..])!;
            if (name.Length > 0)
                told = name == "unavailable" && told is null ? data : throw new InvalidDataException($"{name}: {line}");
            else if ((int)data["partition"]! == 0)
                others++;
            name = "";
        }

        Assert.Equal((1, (long)DamagedOffset), ((int)told["partition"]!, (long)told["error"]!["damage"]!["offset"]!));
        Assert.InRange((long)told["offset"]!, 0, DamagedOffset);
    }

    private static async Task StoreAsync(string data)
    {
        await using var service = await ServiceProcess.StartAsync(data);
        using var client = service.Connect();
        await client.CreateTopicAsync(Topic, 2, new JsonObject { ["segment.bytes"] = 1024 });
        for (var i = 0; i < RequestCount; i++)
        {
            await client.ProduceAsync(Topic, Enumerable.Range(0, 2).Select(partition => new JsonObject
            {
                ["partition"] = partition,
                ["value"] = new JsonObject { ["text"] = $"event {i}", ["padding"] = new string('x', 100) },
            }));
        }

        Assert.Equal(0, await service.StopAsync());
    }

    // Flips a byte of the record at the damaged offset: the value's padding, which no length depends on.
    private static string Damage(string data)
    {
        var text = System.Text.Encoding.ASCII.GetBytes($"event {DamagedOffset}\"");
        var path = Directory.EnumerateFiles(Path.Join(data, "segments"), "*.log", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(Path.GetDirectoryName(path)) == "1")
            .Single(path => File.ReadAllBytes(path).AsSpan().IndexOf(text) >= 0);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf(text) + text.Length + 20] ^= 4;
        File.WriteAllBytes(path, bytes);
        return path;
    }

    // The exit code, and the lines of the faults.
    private static async Task<(int ExitCode, string Faults)> VerifyAsync(string assembly, string data)
    {
        var (exitCode, output, errors) = await RunVerifyAsync(assembly, data);
        Assert.Empty(errors);
        var lines = output.Trim().Split('\n');
        Assert.Contains("segments", lines[^1], StringComparison.Ordinal);
        return (exitCode, string.Join('\n', lines[..^1]));
    }

    private static Task<(int ExitCode, string Output, string Errors)> RunVerifyAsync(string assembly, string data, params string[] more) =>
        OtherProgram.RunAsync(new ProcessStartInfo(
            "dotnet", [assembly, StorageVerification.Verb, $"--OrleansStream:Storage:Files:Directory={data}", .. more])
        {
            WorkingDirectory = Path.GetTempPath(),
        });

    private async Task<(int ExitCode, string Faults)> VerifyBlobsAsync(string container)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var exitCode = await StorageVerification.RunAsync(
            [
                "--OrleansStream:Storage:Provider=AzureBlobs", $"--OrleansStream:Storage:AzureBlobs:Container={container}",
                $"--OrleansStream:Storage:AzureBlobs:ConnectionString={azurite.ConnectionString}",
            ],
            output,
            errors,
            TestContext.Current.CancellationToken);
        Assert.Equal("", errors.ToString());
        var lines = output.ToString().Trim().Split('\n');
        return (exitCode, string.Join('\n', lines[..^1]));
    }
}
