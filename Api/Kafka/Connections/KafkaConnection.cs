using System.Diagnostics;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using OrleansStream.Gateway.Admission;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// One connection: reads its requests, has them handled, and answers them in their order. Requests of pipelined APIs are handled while earlier ones
/// are still under way; every other one when all before it are answered.
/// </summary>
/// <param name="client">The connection, as handlers see it.</param>
/// <param name="frames">Its requests.</param>
/// <param name="output">Takes its answers.</param>
/// <param name="apis">Who handles what.</param>
/// <param name="quotas">How much of the client is taken.</param>
/// <param name="metrics">Told of its requests.</param>
/// <param name="traces">Begins the spans of its requests.</param>
/// <param name="time">Times requests, and how long a client may read nothing.</param>
/// <param name="logger">Told of what is wrong with it.</param>
internal sealed partial class KafkaConnection(
    ClientConnection client, FrameReader frames, PipeWriter output, ApiTable apis, RequestQuotas quotas, KafkaMetrics metrics, RequestTraces traces,
    TimeProvider time, ILogger logger) : IDisposable
{
    private readonly RequestsInFlight _inFlight = new();
    private readonly Deadline _stalled = new(time);

    // The answer to the request that was read last is sent when this ends: true when the connection goes on.
    private Task<bool> _lastAnswer = Task.FromResult(true);

    /// <summary>
    /// Serves the connection until either side ends it, or the client would have to sign in anew. Requests under way are answered then.
    /// </summary>
    /// <exception cref="OperationCanceledException">The connection was closed.</exception>
    public async Task RunAsync()
    {
        try
        {
            while (!client.SignInEnded.IsCancellationRequested && await frames.ReadAsync() is { } frame)
            {
                if (!await ServeAsync(frame))
                    break;
            }

            await _lastAnswer;
        }
        catch (MalformedFrameException exception)
        {
            metrics.NoteMalformed();
            LogMalformed(client.Id, client.Remote, exception.Message);
            await HoldAsync();
        }
        finally
        {
            // What was read is finished: it may be appending.
            await ((Task)_lastAnswer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stalled.Dispose();

    /// <returns>False when no further request is to be read.</returns>
    private async Task<bool> ServeAsync(RequestFrame frame)
    {
        if (client.NextBareMessage() is { } take)
            return await ServeBareAsync(frame, take);
        var call = Open(frame, out var handler);
        var debt = await ChargeAsync(call);
        var goesOn = await ServeAsync(call, handler);
        // Nothing more is read of a client that owes something.
        if (goesOn && debt.Paid is { } paid)
            await HoldBackAsync(paid);
        return goesOn;
    }

    private async Task HoldBackAsync(Task paid)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(client.Closed, client.Stopping);
        await paid.WaitAsync(ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> ServeAsync(KafkaCall call, IRequestHandler handler)
    {
        var startedAt = time.GetTimestamp();
        var span = RequestSpan.Start(call, traces);
        if (!handler.IsPipelined)
        {
            using (call)
            {
                try
                {
                    if (!await _lastAnswer)
                        return false;
                    await handler.HandleAsync(call);
                    return await SendAsync(call, startedAt);
                }
                finally
                {
                    RequestSpan.End(span, call);
                }
            }
        }

        await _inFlight.EnterAsync(call.LengthBytes);
        _lastAnswer = AnswerAsync(_lastAnswer, call, handler.HandleAsync(call), startedAt, span);
        return !_lastAnswer.IsCompleted || await _lastAnswer;
    }

    private async ValueTask<QuotaDebt> ChargeAsync(KafkaCall call)
    {
        try
        {
            return await quotas.ChargeAsync(call);
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }

    private async Task<bool> ServeBareAsync(RequestFrame frame, Func<ReadOnlyMemory<byte>, Task<bool>> take)
    {
        using (frame)
        {
            if (!await take(frame.Memory))
                return false;
        }

        using var empty = new WireWriter();
        return await empty.SendAsync(output, client.Closed);
    }

    private async Task<bool> AnswerAsync(Task<bool> before, KafkaCall call, Task handling, long startedAt, Activity? span)
    {
        var goesOn = false;
        try
        {
            await handling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!await before)
                return false;
            await handling;
            return goesOn = await SendAsync(call, startedAt);
        }
        finally
        {
            // The loop that reads the next request ends by this.
            if (!goesOn)
                frames.Stop();
            _inFlight.Leave(call.LengthBytes);
            RequestSpan.End(span, call);
            call.Dispose();
        }
    }

    private async ValueTask<bool> SendAsync(KafkaCall call, long startedAt)
    {
        metrics.Note(call, time.GetElapsedTime(startedAt));
        if (call.IsUnanswered)
            return !call.ClosesConnection;
        call.Answer.SetThrottleTime((int)Math.Min(call.ThrottleTime.TotalMilliseconds, int.MaxValue));
        var stalled = _stalled.Set(ConnectionLimits.StalledMax);
        try
        {
            return await call.Answer.SendAsync(output, stalled) && !call.ClosesConnection;
        }
        finally
        {
            _stalled.Clear();
        }
    }

    private KafkaCall Open(RequestFrame frame, out IRequestHandler handler)
    {
        try
        {
            var reader = new WireReader(frame.Memory, isFlexible: false);
            var header = RequestHeader.Read(ref reader);
            handler = apis.Find(header.Key) ?? throw new MalformedFrameException($"There is no API {(short)header.Key}, which a request asks for.");
            var isServed = handler.Api.Has(header.Version);
            // Clients find out by this API which versions there are: they are told in the form that every one of them reads (KIP-511).
            if (!isServed && header.Key != ApiKey.ApiVersions)
                throw new MalformedFrameException($"There is no version {header.Version} of {header.Key}, which a request asks for.");
            var isFlexible = isServed && handler.Api.IsFlexible(header.Version);
            var clientId = isServed ? RequestHeader.ReadClientId(ref reader, isFlexible) : null;
            var call = new KafkaCall(client, header, clientId, frame, reader.Position, isFlexible) { IsVersionServed = isServed };
            call.BeginAnswer(hasTags: isFlexible && header.Key != ApiKey.ApiVersions);
            return call;
        }
        catch
        {
            frame.Dispose();
            throw;
        }
    }

    /// <summary>Clients that were closed connect anew at once: so the socket is held for a while.</summary>
    private async Task HoldAsync()
    {
        await ((Task)_lastAnswer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.Delay(ConnectionLimits.RefusedHold, time, client.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Connection {Id} of {Client} is closed: {Reason}")]
    private partial void LogMalformed(string id, System.Net.EndPoint? client, string reason);
}
