using System.Text;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Groups;

/// <summary>A poll's records as a door takes them, which may pause, be full, or lose its reader at any record.</summary>
public sealed class PollDeliveryTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 100)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Deliver_WhenTheSinkStopsAnywhere_LosesNothingAndGivesNothingTwice(int seed)
    {
        var random = new Random(seed);
        var rig = new PollRig(partitionCount: random.Next(1, 4));
        for (var partition = 0; partition < rig.Ends.Length; partition++)
        {
            for (var batches = random.Next(1, 7); batches > 0; batches--)
                rig.Append(partition, BatchOf(random, rig.Ends[partition]));
        }

        var taken = rig.Ends.Select(_ => new List<Entry>()).ToArray();
        string? cursor = null;
        for (var polls = 0; Enumerable.Range(0, taken.Length).Any(partition => EndOf(taken[partition]) < rig.Ends[partition]); polls++)
        {
            Assert.True(polls < 500, "The polls come to no end.");
            var sink = new Sink
            {
                FullAt = random.Next(1, 9), PauseEvery = random.Next(1, 5), GoneAt = random.Next(4) == 0 ? random.Next(1, 6) : int.MaxValue,
                TakesBatches = random.Next(2) == 0,
            };
            var recordsMax = random.Next(1, 12);
            string? next = null;
            using (var poll = await rig.ReadAsync(cursor, recordsMax, bytesMax: random.Next(1, 500)))
            {
                // The cursor came back: what it says is done, and nothing behind it.
                Assert.Equal(cursor is null ? [.. rig.Ends.Select(_ => -1L)] : [.. taken.Select(EndOf)], rig.Committed);
                poll.BeginDelivery();
                try
                {
                    next = (await poll.DeliverAsync(sink)).Cursor;
                }
                catch (OperationCanceledException)
                {
                    // The answer is lost, and with it all that the sink took.
                }
            }

            Assert.Equal(0, rig.Node.Bytes);
            if (next is null)
                continue;
            cursor = next;
            Assert.InRange(sink.Entries.Count, 1, Math.Min(sink.FullAt + sink.RecordsOfBatches, recordsMax));
            foreach (var entry in sink.Entries)
                taken[entry.Partition].Add(entry);
        }

        foreach (var entries in taken)
        {
            Assert.Equal(0, entries[0].Offset);
            Assert.All(entries.Zip(entries.Skip(1)), pair => Assert.Equal(pair.First.LastOffset + 1, pair.Second.Offset));
            Assert.All(entries.Where(entry => entry.Value is not null), entry => Assert.Equal(ValueLength(entry.Offset), entry.Value!.Length));
        }
    }

    [Fact]
    public async Task Deliver_WhenTheSinkIsFullAtOnce_GivesWhatWaitedInPlaceAndReadsOnLater()
    {
        var rig = new PollRig(partitionCount: 1);
        rig.Append(0, Batches.Of(("k", "waited"), ("x", "done")));
        rig.Append(0, Batches.Of(("x", "next"), ("k", "behind")));
        rig.Committed[0] = 2;
        var key = (int)Crc32C.Compute("k"u8);
        rig.Holds = [new HeldOffset(0, key, Attempt: 2, DueMs: 0)];
        var full = new Sink { FullAt = 0 };
        var stopped = await DeliverAsync(rig, full);
        Assert.Equal([(0, 2)], full.Entries.Select(entry => ((int)entry.Offset, entry.Attempt)));
        Assert.Equal((2, "0", ""), PlaceOf(stopped));

        var all = new Sink();
        var cursor = await DeliverAsync(rig, all);
        Assert.Equal([(0, 2), (2, 1)], all.Entries.Select(entry => ((int)entry.Offset, entry.Attempt)));
        Assert.Equal((4, "0", "3"), PlaceOf(cursor));
    }

    [Fact]
    public async Task Deliver_WithoutABeginning_IsRefused()
    {
        using var poll = await new PollRig(partitionCount: 1).ReadAsync(cursor: null);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await poll.DeliverAsync(new Sink()));
    }

    [Fact]
    public async Task Poll_WhenItIsDroppedBeforeItsDelivery_GivesAllMemoryBack()
    {
        var rig = new PollRig(partitionCount: 1);
        rig.Append(0, TestBatch.Make(
            new RecordBatchOptions { Compression = CompressionType.Gzip }, [(TestBatch.TimestampMs, new string('x', 1_000))]));
        using (var poll = await rig.ReadAsync(cursor: null))
        {
            poll.BeginDelivery();
            Assert.True(rig.Node.Bytes > 1_000);
        }

        Assert.Equal(0, rig.Node.Bytes);
    }

    [Fact]
    public async Task Stream_WhenPartitionsAreToMove_TellsItsPartitionsAtOnceAndEnds()
    {
        var rig = new PollRig(partitionCount: 1);
        using var poll = rig.Open(cursor: null);
        Assert.Null(await poll.JoinAsync(TestContext.Current.CancellationToken));
        var stream = poll.Stream();
        Assert.Equal(PollStreamStep.Answer, await stream.NextAsync(TestContext.Current.CancellationToken));
        Assert.Equal(0, (await poll.DeliverAsync(new Sink())).Lag);
        Assert.Single(poll.Assignment);

        rig.Append(0, TestBatch.Of("a", "b"));
        Assert.Equal(PollStreamStep.Answer, await stream.NextAsync(TestContext.Current.CancellationToken));
        var sink = new Sink { FullAt = 1 };
        Assert.Equal(1, (await poll.DeliverAsync(sink)).Lag);
        Assert.Equal(PollStreamStep.Answer, await stream.NextAsync(TestContext.Current.CancellationToken));
        await poll.DeliverAsync(sink = new Sink());
        Assert.Equal([1], sink.Entries.Select(entry => (int)entry.Offset));
        Assert.Equal([-1], rig.Committed);

        rig.News = rig.News with { HasNews = true };
        Assert.Equal(PollStreamStep.Nothing, await stream.NextAsync(TestContext.Current.CancellationToken));
        Assert.Equal(PollStreamStep.Rebalance, await stream.NextAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stream_WhenTheMemberIsNoneAnyMore_SaysWhy()
    {
        var rig = new PollRig(partitionCount: 1);
        using var poll = rig.Open(cursor: null);
        Assert.Null(await poll.JoinAsync(TestContext.Current.CancellationToken));
        var stream = poll.Stream();
        Assert.Equal(PollStreamStep.Answer, await stream.NextAsync(TestContext.Current.CancellationToken));
        await poll.DeliverAsync(new Sink());
        rig.News = rig.News with { HasNews = true, Error = new StreamError(StreamErrorCode.UnknownMemberId, "It left.") };
        Assert.Equal(PollStreamStep.Error, await stream.NextAsync(TestContext.Current.CancellationToken));
        Assert.Equal(StreamErrorCode.UnknownMemberId, stream.Error!.Code);
    }

    private static async Task<GroupCursor> DeliverAsync(PollRig rig, Sink sink)
    {
        using var poll = await rig.ReadAsync(cursor: null);
        poll.BeginDelivery();
        return GroupCursor.Read((await poll.DeliverAsync(sink)).Cursor, PollRig.Group, PollRig.Member);
    }

    private static (long Offset, string Done, string Waiting) PlaceOf(GroupCursor cursor)
    {
        var holds = Assert.Single(cursor.Holds);
        return (Assert.Single(cursor.Offsets).Offset,
            string.Join(',', holds.Done.Select(held => held.Offset)), string.Join(',', holds.Waiting.Select(held => held.Offset)));
    }

    private static long EndOf(List<Entry> entries) => entries.Count == 0 ? 0 : entries[^1].LastOffset + 1;

    private static int ValueLength(long offset) => 1 + (int)(offset % 40);

    // One in six cannot be read: its first record says that it is shorter than nothing.
    private static byte[] BatchOf(Random random, long offset)
    {
        CompressionType[] codecs = [CompressionType.None, CompressionType.Gzip, CompressionType.Zstd];
        var options = new RecordBatchOptions { Compression = codecs[random.Next(codecs.Length)] };
        var batch = TestBatch.Make(options, Enumerable.Range(0, random.Next(1, 6))
            .Select(i => (TestBatch.TimestampMs, new string('v', ValueLength(offset + i)))));
        return random.Next(6) == 0 ? LyingBatch.With(batch, RecordBatchHeader.HeaderLengthBytes, [1]) : batch;
    }

    /// <summary>A record that was taken, or records that cannot be read.</summary>
    private sealed record Entry(int Partition, long Offset, long LastOffset, string? Value, int Attempt);

    /// <summary>A door that pauses, is full, or has no reader any more. It reads what it was given last only after the pause.</summary>
    private sealed class Sink : IPolledRecordSink
    {
        private (Entry Entry, ReadOnlyMemory<byte> Value)? _last;
        private int _sincePause;

        public int FullAt { get; init; } = int.MaxValue;

        public int PauseEvery { get; init; } = int.MaxValue;

        public int GoneAt { get; init; } = int.MaxValue;

        public bool TakesBatches { get; init; }

        public List<Entry> Entries { get; } = [];

        /// <summary>The count of records that came in whole batches, whose last one may pass the full length.</summary>
        public int RecordsOfBatches { get; private set; }

        public bool MustWait => _sincePause >= PauseEvery;

        public bool IsFull => Entries.Count >= FullAt;

        public async ValueTask GoOnAsync()
        {
            await Task.Yield();
            Assert.True(MustWait);
            if (Entries.Count >= GoneAt)
                throw new OperationCanceledException();
            _sincePause = 0;
            if (_last is { } last)
                Entries[^1] = last.Entry with { Value = Encoding.UTF8.GetString(last.Value.Span) };
            _last = null;
        }

        public void Write(in PolledRecord record)
        {
            Assert.Equal(PollRig.Topic, record.Topic);
            var entry = new Entry(
                record.Partition, record.Record.Offset, record.Record.Offset, Encoding.UTF8.GetString(record.Record.Value), record.Attempt);
            Add(entry);
            if (MustWait)
                _last = (entry, record.Batch.MemoryOf(record.Record.Value));
        }

        public void WriteBatch(string topic, int partition, ReadOnlyMemory<byte> batch)
        {
            Assert.True(TakesBatches);
            Assert.False(IsFull);
            Assert.False(MustWait, "A batch came while the sink had to wait.");
            var records = new StoredBatchReader(batch.Span);
            while (records.TryReadNext(out var record))
                Entries.Add(new Entry(partition, record.Offset, record.Offset, Encoding.UTF8.GetString(record.Value), Attempt: 1));
            Assert.Null(records.UnreadableFrom(records.Header.BaseOffset));
            RecordsOfBatches += records.Header.RecordCount;
            records.Dispose();
            _sincePause++;
        }

        public void WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable) =>
            Add(new Entry(partition, unreadable.Offset, unreadable.LastOffset, null, Attempt: 1));

        private void Add(Entry entry)
        {
            Assert.False(MustWait, "A record came while the sink had to wait.");
            Entries.Add(entry);
            _sincePause++;
        }
    }
}
