using System.Collections.Immutable;
using System.Runtime.InteropServices;
using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;
using OrleansStream.Topics.Partitioning;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>What a plan stores from the request's own memory, and what it numbers anew.</summary>
public sealed class AppendPartitionerTests
{
    private static readonly AppendIdentity Identity = new(
        ProducerId: 7, ProducerEpoch: 3, Topic: null, Batches.NowMs, KeylessStart: 0, TimeoutMs: 1000) { BaseSequence = 10 };

    [Theory]
    [InlineData(1, null)]
    [InlineData(4, 2)]
    public void Plan_OfNamedBatchesForOnePartition_StoresThemFromTheRequestsMemory(int partitionCount, int? partition)
    {
        var batches = Named([.. Batches.Of(("a", "1"), ("b", "2")), .. Batches.Of(("c", "3"))]);
        using var plan = Plan(Batches.Request(batches, partition), partitionCount);
        var part = Assert.Single(plan.Parts);
        Assert.Same(batches, MemoryOf(part.Batches.ToMemory()));
        Assert.Equal([10, 12], Headers(part.Batches).Select(header => header.BaseSequence));
    }

    [Fact]
    public void Plan_OfUnnamedBatches_NamesThemInItsOwnMemory()
    {
        byte[] batches = [.. Batches.Of(("a", "1"), ("b", "2")), .. Batches.Of(("c", "3"))];
        byte[] before = [.. batches];
        using var plan = Plan(Batches.Request(batches, partition: 0), partitionCount: 1);
        Assert.Equal(before, batches);
        Assert.Equal([(7L, (short)3, 10), (7L, (short)3, 12)], Headers(Assert.Single(plan.Parts).Batches)
            .Select(header => (header.ProducerId, header.ProducerEpoch, header.BaseSequence)));
    }

    [Fact]
    public void Plan_OverPartitions_NumbersTheRecordsOfEachFromTheFirst()
    {
        // The second batch goes to one partition as a whole, where records of the first are before it.
        var batches = Named([.. Batches.Of(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")), .. Batches.Of(("e", "5"), ("f", "6"))]);
        byte[] before = [.. batches];
        using var plan = Plan(Batches.Request(batches, recordPartitions: [0, 1, 0, 0, 1, 1]), partitionCount: 2);
        Assert.Equal(before, batches);
        Assert.Equal(2, plan.Parts.Count);
        foreach (var part in plan.Parts)
        {
            var next = 10;
            foreach (var header in Headers(part.Batches))
            {
                Assert.Equal((7L, (short)3, next), (header.ProducerId, header.ProducerEpoch, header.BaseSequence));
                next += header.RecordCount;
            }

            Assert.Equal(13, next);
            Assert.Equal(part.Partition == 0 ? ["1", "3", "4"] : ["2", "5", "6"], Batches.Read(part.Batches.ToMemory()).Select(record => record.Value));
        }
    }

    // What changes in the request's memory changes in the plan: so nothing was copied for it.
    [Fact]
    public void Plan_OverPartitions_CopiesNoRecord()
    {
        var batches = Named([.. Batches.Of(("a", "first"), ("b", "second"), ("c", "third")), .. Batches.Of(("d", "fourth"), ("e", "fifth"))]);
        using var plan = Plan(Batches.Request(batches, recordPartitions: [0, 1, 0, 1, 1]), partitionCount: 2);
        foreach (var value in (string[])["first", "second", "third", "fourth", "fifth"])
            batches.AsSpan(batches.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(value)), 1).Fill((byte)'_');

        Assert.Equal(
            ["_irst", "_hird", "_econd", "_ourth", "_ifth"],
            plan.Parts.OrderBy(part => part.Partition).SelectMany(part => Batches.Read(part.Batches.ToMemory())).Select(record => record.Value));
    }

    [Fact]
    public void Plan_OfABatchWithItsOwnProducer_LeavesItsNumbers()
    {
        var own = Batches.Of(new RecordBatchOptions { ProducerId = 99, ProducerEpoch = 1, BaseSequence = 40 }, ("a", "1"));
        var batches = Named([.. own, .. Batches.Of(("b", "2")), .. Batches.Of(("c", "3"))]);
        using var plan = Plan(Batches.Request(batches, recordPartitions: [1, 0, 1]), partitionCount: 2);
        Assert.Equal([(99L, 40), (7L, 10)], Headers(plan.Parts.Single(part => part.Partition == 1).Batches)
            .Select(header => (header.ProducerId, header.BaseSequence)));
        Assert.Equal([(7L, 10)], Headers(plan.Parts.Single(part => part.Partition == 0).Batches)
            .Select(header => (header.ProducerId, header.BaseSequence)));
    }

    // A few kilobytes may unfold to gigabytes: where batches are opened, their records count.
    [Theory]
    [InlineData(4, null, false, "compression.type", "zstd")] // by key
    [InlineData(1, null, false, "compression.type", "uncompressed")]
    [InlineData(4, 2, true, "compression.type", "uncompressed")] // each batch as a whole
    [InlineData(1, null, false, "max.message.bytes", "100")] // whether the only record is too long
    public void Plan_OfSmallBatchesThatUnfoldToTooMuch_IsRefused(int partitionCount, int? partition, bool isWhole, string setting, string value)
    {
        var batch = Unfolding(TopicLimits.UnfoldedBytesMax / 10);
        Assert.InRange(batch.Length, 101, 10_000);
        byte[] batches = [.. Enumerable.Repeat(batch, 11).SelectMany(one => one)];
        var memory = new RewriteMemory();

        var plan = TryPlan(
            Batches.Request(batches, partition) with { HasWholeBatches = isWhole }, partitionCount, out var error, memory, (setting, value));

        Assert.Null(plan);
        Assert.Equal((StreamErrorCode.RecordListTooLarge, "records"), (error!.Code, error.Field));
        Assert.Equal(0, memory.TakenBytes);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Plan_WhenOthersRecordsTakeTheMemory_IsRefusedUntilTheyAreStored(bool isWhole)
    {
        var request = Batches.Request(Unfolding(lengthBytes: 1_000_000), partition: 0) with { HasWholeBatches = isWhole };
        // A batch gets a quarter of what is free.
        var memory = new RewriteMemory(bytesMax: 5_500_000);
        var uncompressed = ("compression.type", "uncompressed");
        using var first = TryPlan(request, partitionCount: 1, out _, memory, uncompressed);
        using (TryPlan(request, partitionCount: 1, out _, memory, uncompressed))
        {
            Assert.InRange(memory.TakenBytes, 2_000_000, 2_100_000);
            Assert.Null(TryPlan(request, partitionCount: 1, out var error, memory, uncompressed));
            Assert.Equal((StreamErrorCode.ThrottlingQuotaExceeded, false), (error!.Code, error.OutcomeUnknown));
            Assert.InRange(error.RetryAfterMs!.Value, 1, 1_000);
        }

        Assert.InRange(memory.TakenBytes, 1_000_000, 1_050_000);
        using var third = TryPlan(request, partitionCount: 1, out _, memory, uncompressed);
        Assert.NotNull(third);
    }

    // A few bytes over all partitions of a large topic: each batch takes memory of its own, and while it is written more than it fills.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Plan_OverVeryManyPartitions_CountsTheMemoryOfEachBatch(bool isWhole)
    {
        int[] partitions = [.. Enumerable.Range(0, TopicLimits.PartitionsMax)];
        var batches = isWhole
            ? partitions.SelectMany(i => Batches.Of(($"key-{i}", "value"))).ToArray()
            : Batches.Of([.. partitions.Select(i => ((string?)$"key-{i}", "value"))]);
        var request = Batches.Request(batches, recordPartitions: partitions) with { HasWholeBatches = isWhole };
        var memory = new RewriteMemory();

        using (var plan = TryPlan(request, partitions.Length, out _, memory, ("compression.type", "zstd"))!)
        {
            Assert.Equal(partitions.Length, plan.Parts.Count);
            Assert.Equal(
                partitions.Select(i => $"key-{i}"), plan.Parts.SelectMany(part => Batches.Read(part.Batches.ToMemory())).Select(record => record.Key));
            var taken = plan.Parts.Sum(part => (long)MemoryOf(part.Batches.ToMemory())!.Length);
            Assert.InRange(taken, plan.LengthBytes, 4 * plan.LengthBytes);
            Assert.InRange(memory.TakenBytes, taken, taken + batches.Length);
        }

        Assert.Equal(0, memory.TakenBytes);
    }

    [Fact]
    public void Plan_OverVeryManyPartitions_IsRefusedWhereThereIsNoMemoryForSoManyBatches()
    {
        int[] partitions = [.. Enumerable.Range(0, TopicLimits.PartitionsMax)];
        var batches = Batches.Of([.. partitions.Select(i => ((string?)$"key-{i}", "value"))]);
        // Many times what the records take.
        var memory = new RewriteMemory(bytesMax: 50 * batches.Length);

        var plan = TryPlan(
            Batches.Request(batches, recordPartitions: partitions), partitions.Length, out var error, memory, ("compression.type", "zstd"));

        Assert.Null(plan);
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, error!.Code);
        Assert.Equal(0, memory.TakenBytes);
    }

    // A writer begins with its share of the request, which a few records do not fill.
    [Fact]
    public void Plan_OfAShortBatchInALongRequest_HoldsNoMoreThanItFills()
    {
        var value = new string('x', 900_000);
        var zstd = new RecordBatchOptions { Compression = CompressionType.Zstd };
        byte[] batches = [.. Batches.Of((null, value)), .. Batches.Of(zstd, ("a", value[..1_000]), ("b", value[..1_000]))];

        using var plan = Plan(Batches.Request(batches, recordPartitions: [0, 0, 1]), partitionCount: 2);

        var part = plan.Parts.Single(part => part.Partition == 1);
        Assert.InRange(MemoryOf(part.Batches.ToMemory())!.Length, part.Batches.LengthBytes, 2 * part.Batches.LengthBytes);
        Assert.Equal(["b"], Batches.Read(part.Batches.ToMemory()).Select(record => record.Key));
    }

    // The deltas are what a batch may say; no batch that begins with the first record could say that of the second.
    [Theory]
    [InlineData(false, "CreateTime")]
    [InlineData(true, "CreateTime")]
    [InlineData(false, "LogAppendTime")]
    [InlineData(true, "LogAppendTime")]
    public void Plan_OfRecordsWhoseTimesAreTooFarApartForABatch_RefusesThem(bool isWhole, string timestampType)
    {
        byte[] records = [.. LyingBatch.Record(0, long.MinValue), .. LyingBatch.Record(1, long.MaxValue)];
        var batch = LyingBatch.Of(CompressionType.Gzip, records, count: 2, baseTimestampMs: 0, maxTimestampMs: 0);

        using var plan = TryPlan(
            Batches.Request(batch, partition: 0) with { HasWholeBatches = isWhole }, partitionCount: 1, out var error, new RewriteMemory(),
            ("compression.type", "zstd"), ("message.timestamp.type", timestampType));

        Assert.Null(error);
        Assert.Equal(isWhole ? 1 : 2, plan!.Parts.Count);
        Assert.All(plan.Parts, part => Assert.Equal((StreamErrorCode.InvalidTimestamp, "timestamp"), (part.Error?.Code, part.Error?.Field)));
    }

    private static PartitionedAppends Plan(RecordsAppendRequest request, int partitionCount)
    {
        var plan = TryPlan(request, partitionCount, out var error, new RewriteMemory());
        Assert.Null(error);
        return plan!;
    }

    private static PartitionedAppends? TryPlan(
        RecordsAppendRequest request, int partitionCount, out StreamError? error, RewriteMemory memory, params (string Name, string Value)[] config)
    {
        var topic = new TopicMetadata(
            "topic", Guid.NewGuid(), partitionCount, config.ToImmutableSortedDictionary(one => one.Name, one => one.Value), Version: 1,
            DateTimeOffset.UnixEpoch);
        var context = new AppendContext(
            new TopicView(topic, TopicConfig.From(topic.Config), ReadAt: 0), new StickyPartitioner(0), Batches.NowMs, Identity, memory)
        {
            HasWholeBatches = request.HasWholeBatches,
        };
        return AppendPartitioner.Partition(request with { Identity = Identity }, context, out error);
    }

    private static byte[] Unfolding(int lengthBytes) =>
        Batches.Of(new RecordBatchOptions { Compression = CompressionType.Zstd }, ("key", new string('x', lengthBytes)));

    private static byte[] Named(byte[] batches)
    {
        RecordBatchHeader.StampProducers(batches, Identity.ProducerId, Identity.ProducerEpoch, Identity.BaseSequence);
        return batches;
    }

    private static byte[]? MemoryOf(ReadOnlyMemory<byte> memory)
    {
        Assert.True(MemoryMarshal.TryGetArray(memory, out var segment));
        return segment.Array;
    }

    private static List<RecordBatchHeader> Headers(AppendBatches batches)
    {
        var headers = new List<RecordBatchHeader>();
        var scanner = new RecordBatchScanner(batches.ToMemory().Span);
        while (scanner.MoveNext())
            headers.Add(scanner.Header);
        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        return headers;
    }
}
