using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using OrleansStream.Clustering;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Fetch;
using OrleansStream.Rest.Groups;
using OrleansStream.Rest.Json;
using OrleansStream.Rest.Produce;
using OrleansStream.Rest.Topics;
using OrleansStream.Storage;
using OrleansStream.Storage.Files.Documents;
using OrleansStream.Storage.Files.Segments;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Fuzz;

/// <summary>
/// Whatever bytes come, whoever reads them takes them or refuses them in the way that it says, and nothing else happens. The corpus has
/// what each understands, and what once broke something.
/// </summary>
/// <remarks>
/// <c>ORLEANSSTREAM_FUZZ_SECONDS</c> lets each run that long, with a new seed a second; else it is a fixed count of inputs of
/// one seed, which <c>ORLEANSSTREAM_TEST_SEED</c> sets.
/// </remarks>
public sealed class FuzzTests
{
    private const int InputCount = 20_000;
    private const string SegmentName = "fuzz/0/00000000000000000000-00000001-0123456789abcdef0123456789abcdef.log";

    private static readonly Dictionary<string, Action<byte[]>> Targets = new()
    {
        ["codec"] = ReadBatches,
        ["recovery"] = Recover,
        ["documents"] = ParseDocuments,
        ["requests"] = ParseRequests,
    };

    public static TheoryData<string> TargetNames => [.. Targets.Keys];

    [Theory]
    [MemberData(nameof(TargetNames))]
    public void Parse_WhateverTheBytes_TakesOrRefusesThem(string target)
    {
        byte[][] corpus = [.. Directory.EnumerateFiles(Path.Join(AppContext.BaseDirectory, "Fuzz", "Corpus")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        Assert.NotEmpty(corpus);
        foreach (var bytes in corpus)
            Run(target, bytes, "of the corpus");
        var seconds = int.TryParse(Environment.GetEnvironmentVariable("ORLEANSSTREAM_FUZZ_SECONDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var set) ? set : 0;
        var started = Stopwatch.GetTimestamp();
        var seed = TestSeed.Value;
        do
        {
            var input = new FuzzInput(corpus, new Random(seed));
            for (var i = 0; i < InputCount; i++)
                Run(target, input.Next(), $"{i} of seed {seed}");
            seed++;
        }
        while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(seconds));
    }

    private static void Run(string target, byte[] bytes, string which)
    {
        try
        {
            Targets[target](bytes);
        }
        catch (Exception exception)
        {
            Assert.Fail($"Input {which} broke '{target}'; into the corpus with it: {Convert.ToBase64String(bytes)}\n{exception}");
        }
    }

    private static void ReadBatches(byte[] bytes)
    {
        var scanner = new RecordBatchScanner(bytes);
        while (scanner.MoveNext())
        {
            try
            {
                var count = 0;
                using var reader = new RecordBatchReader(scanner.Batch);
                while (reader.TryReadNext(out var record))
                {
                    count++;
                    foreach (var header in record.Headers)
                        _ = header.Key.Length + header.Value.Length;
                }

                Assert.Equal(scanner.Header.RecordCount, count);
            }
            catch (RecordFormatException)
            {
                // Refused.
            }
        }

        Assert.InRange(scanner.NextPosition, 0, bytes.Length);
        Assert.NotEqual(RecordBatchStatus.Valid, scanner.Status);
    }

    private static void Recover(byte[] bytes)
    {
        if (bytes.Length == 0)
            return;
        var store = new MemorySegmentStore();
        Assert.True(store.CreateAsync(SegmentName).AsTask().GetAwaiter().GetResult());
        store.AppendAsync(SegmentName, 0, bytes).AsTask().GetAwaiter().GetResult();
        var scan = new SegmentScan(store, SegmentName, baseOffset: 0, new ProducerStates(), nowMs: 0);
        scan.RunAsync(null, CancellationToken.None).AsTask().GetAwaiter().GetResult();

        // What is accepted is whole, and what is not is told.
        Assert.InRange(scan.Position, 0, bytes.Length);
        Assert.Equal(scan.Position == bytes.Length, scan.Damage is null);
        var next = 0L;
        var scanner = new RecordBatchScanner(bytes.AsSpan(0, (int)scan.Position));
        while (scanner.MoveNext())
        {
            if (FenceBatch.IsFence(scanner.Header, out _))
                continue;
            Assert.Equal(next, scanner.Header.BaseOffset);
            next = scanner.Header.NextOffset;
        }

        Assert.Equal((RecordBatchStatus.End, scan.EndOffset), (scanner.Status, next));
    }

    private static void ParseDocuments(byte[] bytes)
    {
        Allow<CorruptDocumentException>(() => PartitionManifest.Parse("manifest.json", bytes));
        Allow<CorruptDocumentException>(() => DocumentFile.Decode("document", bytes));
        Allow<CorruptDocumentException>(() => MembershipDocument.Parse("membership.json", bytes));
        Allow<JsonException>(() => Assert.NotNull(KeyedAppends.Parse(bytes).Appends));
        _ = ProducerStates.TryParse(bytes);
        _ = SegmentIndex.TryParse(0, bytes);
        _ = DurableMarker.OfFile(bytes);
    }

    private static void ParseRequests(byte[] bytes)
    {
        using var records = new RecordCollector(nowMs: 0);
        Allow<RequestException>(() => ProduceJson.Parse(bytes, isPartitionFixed: false, records));
        Allow<RequestException>(() => TopicJson.ParseCreate(bytes));
        Allow<RequestException>(() => TopicJson.ParseAlter(bytes));
        Allow<RequestException>(() => ProducerEndpoints.Parse(bytes));
        // The gateway reads the cursor in them.
        Allow<StreamException>(() => Allow<RequestException>(() => GroupJson.ParsePoll(bytes, "group", "member")));
        Allow<StreamException>(() => Allow<RequestException>(() => GroupJson.ParseOffsets(bytes, "group")));
        Allow<RequestException>(() => GroupJson.ParseReset(bytes));
        Allow<RequestException>(() => RetryJson.ParsePolicy(bytes));
        Allow<RequestException>(() => RetryJson.ParseRedrive(bytes));
        Allow<RequestException>(() => JsonInput.CheckText(bytes, "value"));
        Allow<RequestException>(() => EncodedBatches.Check(bytes, isPartitionFixed: bytes.Length % 2 == 0));
        var text = Encoding.UTF8.GetString(bytes);
        Allow<RequestException>(() => TailToken.Parse(text));
        Allow<StreamException>(() => GroupCursor.Read(text, "group", "member"));
        // Its checksum keeps no one out.
        var checksum = Crc32C.Compute([.. "group\nmember\n"u8, .. bytes]);
        Allow<StreamException>(() => GroupCursor.Read(Base64Url.EncodeToString([.. bytes, .. BitConverter.GetBytes(checksum)]), "group", "member"));
    }

    private static void Allow<T>(Action parse)
        where T : Exception
    {
        try
        {
            parse();
        }
        catch (T)
        {
            // Refused, as it says.
        }
    }
}
