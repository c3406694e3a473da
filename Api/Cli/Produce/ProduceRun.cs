using System.Runtime.ExceptionServices;
using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;

namespace OrleansStream.Cli.Produce;

/// <summary>
/// Reads input and stores it. What was read is stored also when Ctrl-C or a wrong line ends the run, and a failure ends it within a second.
/// </summary>
/// <param name="call">The run.</param>
/// <param name="request">What to store.</param>
internal sealed class ProduceRun(Call call, ProduceRequest request)
{
    private readonly long _started = call.Time.GetTimestamp();
    private long _records;
    private long _bytes;
    private long _inputBytes;
    private StreamServiceException? _failure;

    /// <summary>Stores everything.</summary>
    /// <exception cref="StreamServiceException">Something is not stored.</exception>
    /// <exception cref="InvalidDataException">A line is no record.</exception>
    public async Task RunAsync()
    {
        var input = Open();
        await using (input)
        {
            var producer = call.Client.CreateProducer(request.Topic, request.Configure);
            var isWhole = false;
            try
            {
                var total = request.File is null || !input.CanSeek ? (double?)null : input.Length;
                // Records that are typed and progress on one terminal would tear each other.
                await Drawing.WithProgressAsync(
                    call.Screen, call.Time, total, () => (_inputBytes, Describe()), () => StoreAsync(input, producer),
                    isWanted: request.File is not null || !call.Screen.IsInputTyped);
                isWhole = true;
            }
            finally
            {
                await EndAsync(producer, isWhole);
            }
        }

        Tell();
    }

    private async Task StoreAsync(Stream input, StreamProducer producer)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        var watching = EndWhenFailedAsync(producer, over);
        try
        {
            await SendAsync(input, producer, over.Token);
            await FlushAsync(producer, call.Stop);
        }
        catch (OperationCanceledException) when (_failure is not null)
        {
            // The failure is what ended it.
        }
        finally
        {
            await over.CancelAsync();
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // The one who watches may have been told, and not the last flush.
        if (_failure is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    private async Task SendAsync(Stream input, StreamProducer producer, CancellationToken stop)
    {
        if (request.IsWhole)
        {
            var bytes = await ReadAllAsync(input, stop);
            await EnqueueAsync(new OutgoingRecord<ReadOnlyMemory<byte>>(null, bytes) { IsTombstone = request.Format.IsNull(bytes.Span) });
            return;
        }

        var lines = new LineReader(input);
        while (await lines.ReadAsync(stop) is { } line)
        {
            _inputBytes = lines.BytesRead;
            // Where each line is an object, an empty one is nothing.
            if (!request.IsJson || line.Length > 0)
                await EnqueueAsync(request.IsJson ? JsonRecords.Parse(line, lines.Number) : request.Format.Parse(line, lines.Number));
        }

        async ValueTask EnqueueAsync(OutgoingRecord<ReadOnlyMemory<byte>> record)
        {
            var whole = request.Complete(record);
            await producer.EnqueueAsync(whole, stop);
            _records++;
            _bytes += whole.Value.Length + (whole.KeyBytes?.Length ?? 0);
        }
    }

    // An input may go on for days, and a failure is not to be told at its end.
    private async Task EndWhenFailedAsync(StreamProducer producer, CancellationTokenSource over)
    {
        using var timer = new PeriodicTimer(ProduceLimits.LookInterval, call.Time);
        while (await timer.WaitForNextTickAsync(over.Token))
        {
            try
            {
                await FlushAsync(producer, over.Token);
            }
            catch (StreamServiceException)
            {
                await over.CancelAsync();
                throw;
            }
        }
    }

    private async Task FlushAsync(StreamProducer producer, CancellationToken stop)
    {
        try
        {
            await producer.FlushAsync(stop);
        }
        catch (StreamServiceException exception)
        {
            _failure ??= exception;
            throw;
        }
    }

    private async Task EndAsync(StreamProducer producer, bool isWhole)
    {
        try
        {
            await producer.DisposeAsync();
        }
        catch (StreamServiceException exception) when (!isWhole)
        {
            // What ended the run is told as well.
            if (_failure is null)
                call.Screen.Tell(exception.Message);
            _failure ??= exception;
        }

        if (isWhole || _records == 0)
            return;
        call.Screen.Tell(_failure is not null
            ? $"Of {Sizes.Records(_records)} that had been read, some are not stored."
            : $"{Sizes.Records(_records)} had been read before, and {(_records == 1 ? "is" : "are")} stored.");
    }

    private void Tell()
    {
        var seconds = call.Time.GetElapsedTime(_started).TotalSeconds;
        if (call.AsJson)
        {
            JsonLines.Write(call.Screen, json =>
            {
                json.WriteString("topic", request.Topic);
                json.WriteNumber("records", _records);
                json.WriteNumber("bytes", _bytes);
                json.WriteNumber("seconds", Math.Round(seconds, 3));
            });
        }

        if (_records == 0)
            call.Screen.Tell("Nothing was stored: the input is empty.");
        else if (!call.AsJson)
            call.Screen.Tell($"{Sizes.Records(_records)} stored in {request.Topic} ({Sizes.Bytes(_bytes)} in {seconds:F1} s).");
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

    private string Describe()
    {
        var seconds = Math.Max(0.001, call.Time.GetElapsedTime(_started).TotalSeconds);
        return $"{Sizes.Records(_records)}, {_records / seconds:N0}/s, {Sizes.Bytes(_bytes / seconds)}/s";
    }
}
