using System.Threading.Channels;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Reading;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Consume;

/// <summary>Reads a topic without a group: from a place of each partition to what is its end now, to another place, or on and on.</summary>
internal sealed class TopicScan(Call call, ConsumeRequest request) : IRecordSource
{
    private readonly List<PartitionRange> _ranges = [];

    /// <inheritdoc/>
    public long? Total => request.From.Kind == PositionKind.Time || request.To is not null || request.Follows
        ? null
        : _ranges.Sum(range => Math.Max(0, range.End - range.First));

    /// <inheritdoc/>
    public string? WhyNothing { get; private set; }

    /// <inheritdoc/>
    public async Task PlanAsync()
    {
        var partitions = (await call.Admin.Topics.GetPartitionsAsync(request.Topic, call.Stop)).Partitions;
        foreach (var wanted in request.Partitions.Where(wanted => wanted < 0 || wanted >= partitions.Count))
            throw CallException.NoPartition(request.Topic, wanted, partitions.Count);
        foreach (var partition in partitions.Where(partition => request.Partitions.Count == 0 || request.Partitions.Contains(partition.Partition)))
        {
            if (partition is not { LogStartOffset: { } start, HighWatermark: { } end })
                throw new CallException(ExitCode.Unavailable, $"Partition {partition.Partition} cannot be read now: {partition.Error?.Detail}");
            _ranges.Add(RangeOf(partition, start, end));
        }

        var first = _ranges.Sum(range => range.End - range.Start);
        WhyNothing = first == 0
            ? $"The topic {request.Topic} has no records ({Sizes.Partitions(partitions.Count)})."
            : $"The topic {request.Topic} has {Sizes.Records(first)}, and none of them where you asked to read.";
        if (!request.Follows)
            _ranges.RemoveAll(range => range.First >= range.End);
    }

    /// <inheritdoc/>
    public async Task RunAsync(Func<ConsumedRecord<byte[]>, bool> take, Action idle)
    {
        var bound = new BoundedChannelOptions(ConsumeLimits.RecordsWaitingMax) { SingleReader = true };
        var records = Channel.CreateBounded<ConsumedRecord<byte[]>>(bound);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        var reading = ReadAllAsync(records.Writer, enough.Token);
        try
        {
            while (await records.Reader.WaitToReadAsync(call.Stop))
            {
                while (records.Reader.TryRead(out var record))
                {
                    if (!take(record))
                        return;
                }

                idle();
            }
        }
        finally
        {
            await enough.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAllAsync(ChannelWriter<ConsumedRecord<byte[]>> records, CancellationToken enough)
    {
        try
        {
            // Whoever follows reads every partition; whoever ends reads so many at a time.
            var atOnce = request.Follows ? Math.Max(1, _ranges.Count) : ConsumeLimits.PartitionsAtOnceMax;
            await Parallel.ForEachAsync(
                _ranges, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = enough },
                async (range, cancelled) => await ReadAsync(range, records, cancelled));
            records.Complete();
        }
        catch (Exception exception)
        {
            records.Complete(exception);
        }
    }

    private async Task ReadAsync(PartitionRange range, ChannelWriter<ConsumedRecord<byte[]>> records, CancellationToken enough)
    {
        var reader = call.Client.Read<byte[]>(request.Topic, options =>
        {
            options.From = range.From;
            options.Partitions = [range.Partition];
            options.Follow = request.Follows;
        });
        reader.OffsetsUnreadable += (_, offsets) => call.Screen.Tell(RecordWriter.Unreadable(offsets));
        await foreach (var record in reader.WithCancellation(enough))
        {
            if (IsBehind(record, range))
                return;
            await records.WriteAsync(record, enough);
            if (!request.Follows && record.Offset + 1 >= range.End)
                return;
        }
    }

    private bool IsBehind(ConsumedRecord<byte[]> record, PartitionRange range) => request.To switch
    {
        _ when !request.Follows && record.Offset >= range.End => true,
        { Kind: PositionKind.Offset } to => record.Offset >= to.Value,
        { Kind: PositionKind.Time } to => record.Timestamp >= to.At,
        _ => false,
    };

    private PartitionRange RangeOf(PartitionAnswer partition, long start, long end)
    {
        var number = partition.Partition;
        switch (request.From.Kind)
        {
            case PositionKind.Beginning:
                return new PartitionRange(number, start, end, start, ReadFrom.Earliest);
            case PositionKind.End:
                return new PartitionRange(number, start, end, end, ReadFrom.Offset(end));
            case PositionKind.Time:
                return new PartitionRange(number, start, end, start, ReadFrom.Time(request.From.At));
            case PositionKind.BeforeEnd:
                var before = Math.Max(start, end - request.From.Value);
                return new PartitionRange(number, start, end, before, ReadFrom.Offset(before));
            default:
                var offset = Math.Clamp(request.From.Value, start, end);
                if (request.From.Value < start)
                    call.Screen.Tell($"Partition {number} begins at offset {start}, and is read from there.");
                return new PartitionRange(number, start, end, offset, ReadFrom.Offset(offset));
        }
    }

    /// <summary>What is read of a partition.</summary>
    /// <param name="Partition">The partition's number.</param>
    /// <param name="Start">The first offset that is stored.</param>
    /// <param name="End">Its end when the run began.</param>
    /// <param name="First">The first offset that may be read.</param>
    /// <param name="From">The same for the client's reader.</param>
    private sealed record PartitionRange(int Partition, long Start, long End, long First, ReadFrom From);
}
