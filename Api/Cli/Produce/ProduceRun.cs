using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Produce;

/// <summary>
/// Reads input and stores it. What was read is stored also when Ctrl-C or a wrong line ends the run. The first record that is not stored ends it, and
/// no later record of its partition is sent.
/// </summary>
internal sealed class ProduceRun(Call call, ProduceRequest request)
{
    private readonly long _started = call.Time.GetTimestamp();
    private long _line = 1;
    private long _bytes;
    private long _inputBytes;

    /// <summary>Stores all that standard input has, and tells what became of it.</summary>
    /// <exception cref="PartialException">Something is not stored.</exception>
    public async Task RunAsync()
    {
        // Before anybody types, and before a pipe is emptied.
        await CheckTopicAsync();
        call.TellAbsence($"Records wait for it, up to {Durations.TextOf(request.DeliveryTimeout)}; Ctrl-C gives up.");
        using var tally = new ProduceTally();
        var ended = await StoreAsync(tally);
        if (tally.Error is null && ended is OperationCanceledException)
        {
            if (tally.Taken > 0)
                call.Screen.Tell($"{Sizes.Records(tally.Taken)} had been read before, and {(tally.Taken == 1 ? "is" : "are")} stored.");
            throw ended;
        }

        if ((tally.Error ?? ended) is { } failure)
            throw new PartialException(failure, tally.Stored + tally.Unknown > 0, Sentence(tally), Facts(tally));
        Tell(tally.Stored);
    }

    private async Task CheckTopicAsync()
    {
        var topic = await call.Admin.Topics.GetAsync(request.Topic, call.Stop);
        if (request.Partition is { } wanted && (wanted < 0 || wanted >= topic.Partitions))
            throw CallException.NoPartition(request.Topic, wanted, topic.Partitions);
    }

    // What ended the run before all was read and stored; null when nothing did. Afterwards it is known what became of every record that was read.
    private async Task<Exception?> StoreAsync(ProduceTally tally)
    {
        await using var input = Open();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Stop, tally.Failed);
        var producer = call.Client.CreateProducer(request.Topic, request.Configure);
        Exception? ended = null;
        try
        {
            var total = request.File is null || !input.CanSeek ? (double?)null : input.Length;
            // Records that are typed and progress on one terminal would tear each other.
            await Drawing.WithProgressAsync(
                call.Screen, call.Time, total, () => (_inputBytes, Describe(tally)), () => SendAsync(input, producer, tally, over.Token),
                isWanted: request.File is not null || !call.Screen.IsInputTyped);
        }
        catch (Exception exception)
        {
            ended = exception;
        }

        if (call.Watch.IsAway && call.Stop.IsCancellationRequested)
            call.Screen.Tell("What was read waits to be stored. Ctrl-C again gives it up.");
        await producer.DisposeAsync();
        return ended;
    }

    private async Task SendAsync(Stream input, StreamProducer producer, ProduceTally tally, CancellationToken stop)
    {
        if (request.IsWhole)
        {
            var bytes = await ReadAllAsync(input, stop);
            await EnqueueAsync(new OutgoingRecord<ReadOnlyMemory<byte>>(null, bytes) { IsTombstone = request.Format.IsNull(bytes.Span) });
        }
        else
        {
            var lines = new LineReader(input);
            for (; await lines.ReadAsync(stop) is { } line; _line++)
            {
                _inputBytes = lines.BytesRead;
                // Where each line is an object, an empty one is nothing.
                if (!request.IsJson || line.Length > 0)
                    await EnqueueAsync(request.IsJson ? JsonRecords.Parse(line, lines.Number) : request.Format.Parse(line, lines.Number));
            }
        }

        await producer.FlushAsync(stop);

        async ValueTask EnqueueAsync(OutgoingRecord<ReadOnlyMemory<byte>> record)
        {
            var whole = request.Complete(record);
            var (index, line) = (tally.Taken, _line);
            await producer.EnqueueAsync(whole, result => tally.Tell(index, line, result), stop);
            tally.Take();
            _bytes += whole.Value.Length + (whole.KeyBytes?.Length ?? 0);
        }
    }

    private string Sentence(ProduceTally tally)
    {
        if (request.IsWhole)
            return tally.Unknown > 0 ? "It is not known whether the record is stored: look before you send it again." : "";
        var (line, behind) = (tally.FirstLine ?? _line, tally.StoredBehind);
        var isFirstUnknown = tally.Error is { IsOutcomeUnknown: true };
        var sentence = $"{Sizes.Records(tally.Stored)} {(tally.Stored == 1 ? "is" : "are")} stored. Line {line} is the first that is not{(isFirstUnknown ? " known to be" : "")}; "
            + $"stored of the lines behind it: {(behind == 0 ? "none" : $"{behind:N0}, in other partitions")}.";
        if (tally.Unknown > 0)
            return $"{sentence} Of {Sizes.Records(tally.Unknown)} nobody knows whether they are stored: look before you send them again.";
        return behind == 0 && tally.Stored > 0 ? $"{sentence} 'tail -n +{line}' of the input is what is left." : sentence;
    }

    private (string Name, long Value)[] Facts(ProduceTally tally) =>
    [
        ("stored", tally.Stored), ("first_line_not_stored", tally.FirstLine ?? _line), ("stored_behind_it", tally.StoredBehind), ("outcome_unknown", tally.Unknown),
    ];

    private void Tell(long records)
    {
        var seconds = call.Time.GetElapsedTime(_started).TotalSeconds;
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, json =>
            {
                json.WriteString("topic", request.Topic);
                json.WriteNumber("records", records);
                json.WriteNumber("bytes", _bytes);
                json.WriteNumber("seconds", Math.Round(seconds, 3));
            });
        }

        if (records == 0)
            call.Screen.Tell("Nothing was stored: the input is empty.");
        else if (!call.AsJson)
            call.Screen.Tell($"{Sizes.Records(records)} stored in {request.Topic} ({Sizes.Bytes(_bytes)} in {seconds:F1} s).");
    }

    private Stream Open()
    {
        if (request.Value is { } value)
            return new MemoryStream(value);
        if (request.File is { } path and not "-")
            return new FileStream(path, new FileStreamOptions { Options = FileOptions.Asynchronous | FileOptions.SequentialScan });
        if (call.Screen.IsInputTyped && !call.AsJson)
            call.Screen.Tell("Type a record a line; Ctrl-D ends the input.");
        return Console.OpenStandardInput();
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAllAsync(Stream input, CancellationToken stop)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[ProduceLimits.LineBytesInitial];
        while (await input.ReadAsync(buffer, CancellationToken.None).AsTask().WaitAsync(stop) is > 0 and var read)
        {
            if (whole.Length + read > ProduceLimits.LineBytesMax)
                throw new InvalidDataException($"The input is longer than {ProduceLimits.LineBytesMax:N0} bytes, and so no record.");
            whole.Write(buffer, 0, read);
        }

        return whole.ToArray();
    }

    private string Describe(ProduceTally tally)
    {
        var seconds = Math.Max(0.001, call.Time.GetElapsedTime(_started).TotalSeconds);
        return $"{Sizes.Records(tally.Stored)}, {tally.Stored / seconds:N0}/s, {Sizes.Bytes(_bytes / seconds)}/s";
    }
}
