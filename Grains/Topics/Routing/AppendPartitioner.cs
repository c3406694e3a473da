using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Log.Writing;
using OrleansStream.Records;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// Divides a request into appends: checks the batches, chooses partitions, and splits a batch only if its records go to several partitions.
/// </summary>
/// <remarks>
/// Batches whose records all go to one partition are passed on as they are: not copied, not decoded when the partition is
/// named. A batch with a producer id of its own is never split, since its sequence numbers belong to it as a whole; nor is one whose sender asks for
/// that (<see cref="RecordsAppendRequest.HasWholeBatches"/>).
/// </remarks>
internal static class AppendPartitioner
{
    private const int NoPartition = -1;

    /// <summary>Divides a request into appends, one or more for each partition.</summary>
    /// <param name="request">The request.</param>
    /// <param name="context">The topic, and the rest that matters.</param>
    /// <param name="error">Why the request as a whole is refused; then the result is null.</param>
    public static PartitionedAppends? Partition(RecordsAppendRequest request, in AppendContext context, out StreamError? error)
    {
        try
        {
            error = CheckBatches(request, context, out var summary) ?? CheckPartition(request, context);
            return error is null ? Divide(request, context, summary, out error) : null;
        }
        catch (RecordFormatException e)
        {
            error = Corrupt(e.Message);
        }
        catch (StreamException e)
        {
            error = e.Error;
        }

        return null;
    }

    private static PartitionedAppends? Divide(
        RecordsAppendRequest request, in AppendContext context, in BatchesSummary summary, out StreamError? error)
    {
        error = null;
        var named = request.RecordPartitions.IsEmpty && (request.Partition is not null || context.PartitionCount == 1);
        if (named && summary.IsAsIs)
            return PartitionedAppends.AsIs(request.Partition ?? 0, summary.RecordCount, request.Batches);

        var partitions = ArrayPool<int>.Shared.Rent(summary.RecordCount);
        try
        {
            var chosen = partitions.AsSpan(0, summary.RecordCount);
            if (named)
                chosen.Fill(request.Partition ?? 0);
            else
                Choose(request, context, chosen);

            if (summary.IsAsIs && !chosen.ContainsAnyExcept(chosen[0]) && IsPartition(chosen[0], context))
                return PartitionedAppends.AsIs(chosen[0], summary.RecordCount, request.Batches);
            return AppendSplitter.Split(request.Batches, chosen, context, out error);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(partitions);
        }
    }

    /// <summary>Whether a batch may go to its partition without being written anew.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="header">Its header.</param>
    /// <param name="context">The topic.</param>
    /// <param name="unfolded">Counts what is decompressed to find out.</param>
    /// <exception cref="RecordFormatException">The only record of a long batch is malformed.</exception>
    /// <exception cref="StreamException">Too much would be decompressed.</exception>
    public static bool IsAsIs(ReadOnlySpan<byte> batch, in RecordBatchHeader header, in AppendContext context, ref UnfoldedLength unfolded)
    {
        if (context.Config.Compression is { } compression && header.Compression != compression)
            return false;
        // The log judges the times of a batch that is stored as one or refused as a whole.
        if (header.MaxTimestamp > context.TimestampMsMax && !context.IsWhole(header))
            return false;
        return header.LengthBytes <= context.Config.MaxMessageBytes
            || (header.RecordCount == 1 && SizeOfOnlyRecord(batch, ref unfolded) <= context.Config.MaxMessageBytes);
    }

    /// <summary>
    /// The size of a record that <c>max.message.bytes</c> bounds: key, value, and the headers' keys and values. What a group adds to tell of a
    /// record that failed does not count: whoever takes a record takes its copy. The log bounds what that may be, too.
    /// </summary>
    /// <param name="record">The record.</param>
    public static int SizeOf(in RecordView record)
    {
        var size = record.Key.Length + record.Value.Length;
        if (record.HeaderCount == 0)
            return size;
        var story = 0;
        foreach (var header in record.Headers)
        {
            var length = header.Key.Length + header.Value.Length;
            if (RetryStory.IsHeader(header.Key))
                story += length;
            else
                size += length;
        }

        // Anybody may write such headers. So of their bytes only as many are free as a group writes at most.
        return size + Math.Max(0, story - GroupLimits.StoryBytesMax);
    }

    /// <summary>Whether the topic has a partition.</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="context">The topic.</param>
    public static bool IsPartition(int partition, in AppendContext context) =>
        (uint)partition < (uint)context.PartitionCount;

    /// <summary>The error of bytes that are not batches.</summary>
    /// <param name="detail">What is wrong.</param>
    public static StreamError Corrupt(string detail) => new(StreamErrorCode.CorruptMessage, detail) { Field = "records" };

    private static StreamError? CheckBatches(RecordsAppendRequest request, in AppendContext context, out BatchesSummary summary)
    {
        summary = default;
        var batches = request.Batches.Span;
        if (batches.Length > TopicLimits.RequestBytesMax)
        {
            return new StreamError(
                StreamErrorCode.RecordListTooLarge,
                $"The request carries {batches.Length} bytes of records; at most {TopicLimits.RequestBytesMax} are taken. Split it.");
        }

        var isAsIs = batches.Length <= TopicLimits.AppendBytesMax;
        long count = 0;
        var unfolded = new UnfoldedLength();
        // The log checks the sums of what it is given as it is; what is written anew is checked where it is read.
        var scanner = new RecordBatchScanner(batches, checkCrc: false);
        while (scanner.MoveNext())
        {
            var header = scanner.Header;
            if (header.IsControl || header.RecordCount == 0)
                return new StreamError(StreamErrorCode.InvalidRecord, "A batch is empty or the log's own: it holds no record to store.");
            if (SentBatches.JudgeHeader(header) is { } refusal)
                return new StreamError(refusal.Code, refusal.Detail) { Field = "records" };
            count += header.RecordCount;
            var isNamed = request.Identity is null || header.HasProducer;
            isAsIs = isAsIs && isNamed && IsAsIsChecked(scanner.Batch, header, context, ref unfolded);
        }

        summary = new BatchesSummary((int)Math.Min(count, int.MaxValue), isAsIs);
        return scanner.Status switch
        {
            RecordBatchStatus.BadMagic => new StreamError(
                StreamErrorCode.UnsupportedForMessageFormat, $"The batch at byte {scanner.NextPosition} is not of format (magic) 2."),
            RecordBatchStatus.BadCompression => new StreamError(
                StreamErrorCode.UnsupportedCompressionType, $"The batch at byte {scanner.NextPosition} has no known compression."),
            not RecordBatchStatus.End => Corrupt($"There is no whole batch at byte {scanner.NextPosition}: {scanner.Status}."),
            _ => CheckCounts(request, count),
        };
    }

    private static bool IsAsIsChecked(
        ReadOnlySpan<byte> batch, in RecordBatchHeader header, in AppendContext context, ref UnfoldedLength unfolded)
    {
        try
        {
            return IsAsIs(batch, header, context, ref unfolded);
        }
        catch (RecordFormatException)
        {
            // The splitter reads it again and says what is wrong.
            return false;
        }
    }

    private static StreamError? CheckCounts(RecordsAppendRequest request, long count)
    {
        if (count > TopicLimits.RequestRecordsMax)
        {
            return new StreamError(
                StreamErrorCode.RecordListTooLarge,
                $"The request carries {count} records; at most {TopicLimits.RequestRecordsMax} are taken. Split it.");
        }

        if (count == 0)
            return new StreamError(StreamErrorCode.InvalidRequest, "The request carries no records.") { Field = "records" };
        return request.RecordPartitions.IsEmpty || request.RecordPartitions.Length == count ? null : new StreamError(
            StreamErrorCode.InvalidRequest, $"{request.RecordPartitions.Length} partitions are named for {count} records.")
        {
            Field = "partition",
        };
    }

    private static StreamError? CheckPartition(RecordsAppendRequest request, in AppendContext context)
    {
        if (request.Partition is { } partition && !IsPartition(partition, context))
            return Partitions.PartitionErrors.NoSuchPartition(context.Topic.Metadata.Name, partition, context.PartitionCount);
        if (request.ExpectedNextOffset is not null && request.Partition is null)
        {
            return new StreamError(
                StreamErrorCode.InvalidRequest, "A condition on the next offset needs a partition: offsets are a partition's own.")
            {
                Field = "partition",
            };
        }

        return null;
    }

    /// <summary>A record's own partition, else the request's, else by key, else one for all keyless records of its batch.</summary>
    private static void Choose(RecordsAppendRequest request, in AppendContext context, Span<int> chosen)
    {
        var named = request.RecordPartitions.Span;
        var batches = request.Batches.Span;
        var scanner = new RecordBatchScanner(batches, checkCrc: false);
        var next = 0;
        var unfolded = new UnfoldedLength();
        // One turn a request, and the same one when it is repeated.
        var turn = context.Topic.Spread is null ? 0 : context.Identity?.KeylessStart ?? context.Sticky.Next(int.MaxValue);
        while (scanner.MoveNext())
        {
            // A producer's own sequence lies in one partition, so its keys stay where they are.
            var spread = context.HasOwnProducer(scanner.Header) ? null : context.Topic.Spread;
            var sticky = NoPartition;
            using var reader = RecordBatchReader.OfSent(scanner.Batch);
            unfolded.Add(reader.UnfoldedBytes ?? scanner.Batch.Length);
            while (reader.TryReadNext(out var record))
            {
                var partition = named.IsEmpty ? NoPartition : named[next];
                if (partition == NoPartition && request.Partition is { } asked)
                    partition = asked;
                else if (partition == NoPartition && record.HasKey)
                    partition = ChooseByKey(record.Key, context, spread, turn);
                else if (partition == NoPartition)
                    partition = sticky = ChooseKeyless(context, sticky);
                chosen[next++] = partition;
            }
        }
    }

    private static int ChooseByKey(ReadOnlySpan<byte> key, in AppendContext context, HotKeySpread? spread, int turn)
    {
        context.Keys?.Add(key);
        return spread is null
            ? KeyPartitioner.Choose(key, context.PartitionCount)
            : spread.Choose(key, context.PartitionCount, turn);
    }

    private static int ChooseKeyless(in AppendContext context, int sticky)
    {
        context.Keys?.AddKeyless();
        return sticky == NoPartition ? context.Sticky.Next(context.PartitionCount) : sticky;
    }

    private static int SizeOfOnlyRecord(ReadOnlySpan<byte> batch, ref UnfoldedLength unfolded)
    {
        using var reader = new RecordBatchReader(batch);
        unfolded.Add(reader.UnfoldedBytes ?? batch.Length);
        return reader.TryReadNext(out var record) ? SizeOf(record) : 0;
    }

    private readonly record struct BatchesSummary(int RecordCount, bool IsAsIs);
}
