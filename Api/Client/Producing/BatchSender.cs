using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Telemetry;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>What the senders of all partitions of a producer share.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Options">The settings.</param>
/// <param name="Calls">Makes requests, and repeats them. It bounds how many are under way.</param>
/// <param name="Identities">Gives producer ids.</param>
/// <param name="Writers">Gives writers, and takes them back.</param>
/// <param name="Budget">Gets the memory of records back.</param>
/// <param name="Failed">Is told of each failure, and whether a record that nobody waits for is among those that failed.</param>
/// <param name="Log">Is told of records that are not stored.</param>
internal sealed record SendingContext(
    string Topic, ProducerOptions Options, ServiceCalls Calls, ProducerIdentities Identities, BatchWriters Writers, MemoryBudget Budget,
    Action<StreamServiceException, bool> Failed, ILogger Log);

/// <summary>
/// Sends the batches of one partition, one after the other, and tells what became of each record. Requests that fail are repeated under the same
/// identity, by which the partition stores them once.
/// </summary>
/// <param name="context">What all partitions share.</param>
/// <param name="partition">The partition.</param>
internal sealed class BatchSender(SendingContext context, int partition)
{
    private static readonly MediaTypeHeaderValue Batches = new("application/vnd.kafka.recordbatch.v2");

    private readonly LaneSequence _sequence = new(context.Identities);
    private readonly string _path = $"v1/topics/{Uri.EscapeDataString(context.Topic)}/partitions/{partition}/records";
    private StreamServiceException? _hole;

    /// <summary>Sends a batch, gives its memory back, and then tells what became of its records.</summary>
    /// <param name="batch">The batch; nothing is added any more.</param>
    public async Task SendAsync(OutgoingBatch batch)
    {
        var outcome = await SendPartAsync(batch).ConfigureAwait(false);
        context.Budget.Give(batch.HeldBytes);
        context.Writers.Return(batch.Writer);
        Tell(batch, outcome);
    }

    // A part fails by itself, so that nobody is told twice.
    private async Task<Outcome> SendPartAsync(OutgoingBatch batch)
    {
        if (_hole is { } hole)
            return Failed(batch, Behind(hole));
        try
        {
            batch.Writer.Finish();
            return await TryAsync(batch).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // A defect outside the request, which must reach those who wait all the same. The next batch is not taken for this one.
            _sequence.Raise();
            return Failed(batch, Unknown($"The batch could not be sent: {exception.Message}", exception));
        }
    }

    private async Task<Outcome> TryAsync(OutgoingBatch batch)
    {
        for (var identities = 0; ; identities++)
        {
            var started = context.Calls.Time.GetTimestamp();
            var activity = ClientTelemetry.BeginPublish(context.Topic, partition, batch.Writer.Count);
            var deadline = context.Options.DeliveryTimeout is { } longest
                ? DeadlineHandler.After(batch.TakenAt, longest, context.Calls.Time)
                : (long?)null;
            using var request = Make(batch, deadline);
            try
            {
                await _sequence.StampAsync(request, deadline).ConfigureAwait(false);
                var offset = await AppendAsync(request).ConfigureAwait(false);
                _sequence.Advance(batch.Writer.Count);
                Count(batch, started, error: null);
                return new Outcome(offset);
            }
            catch (StreamServiceException exception)
            {
                var isOpen = exception.IsOutcomeUnknown || EndpointHandler.MayHaveTakenEffect(request);
                ClientTelemetry.Fail(activity, exception.ErrorCode);
                switch (exception.ErrorCode)
                {
                    case "DUPLICATE_SEQUENCE_NUMBER":
                        // An earlier try stored it so long ago that its place is forgotten.
                        _sequence.Advance(batch.Writer.Count);
                        return new Outcome(BaseOffset: -1);
                    case "OUT_OF_ORDER_SEQUENCE_NUMBER" when !isOpen && identities < ProducerLimits.IdentitiesMax:
                        // The partition has forgotten the producer: it was idle for long, or the topic was made anew.
                        _sequence.Raise();
                        ClientLog.ChangesIdentity(context.Log, context.Topic, partition, exception.ErrorCode);
                        continue;
                    case "UNKNOWN_PRODUCER_ID" or "INVALID_PRODUCER_EPOCH" when !isOpen && identities < ProducerLimits.IdentitiesMax:
                        _sequence.Forget();
                        ClientLog.ChangesIdentity(context.Log, context.Topic, partition, exception.ErrorCode);
                        continue;
                    case "MESSAGE_TOO_LARGE" or "INVALID_TIMESTAMP" or "INVALID_RECORD" or "RECORD_LIST_TOO_LARGE"
                        when !isOpen && batch.Writer.Count > 1:
                        await SendHalvesAsync(batch).ConfigureAwait(false);
                        return new Outcome { IsTold = true };
                }

                Count(batch, started, exception.ErrorCode);
                if (isOpen)
                    _sequence.Raise();
                return Failed(batch, exception.WithOutcome(isOpen));
            }
            finally
            {
                ClientTelemetry.End(activity);
            }
        }
    }

    // One record is refused, and nobody says which. Of the halves only one can fail, and so on down to the record.
    private async Task SendHalvesAsync(OutgoingBatch batch)
    {
        (var first, var second) = batch.Split(BatchWriters.HeaderOf(context.Options), context.Writers.Rent);
        try
        {
            Tell(first, await SendPartAsync(first).ConfigureAwait(false));
            Tell(second, await SendPartAsync(second).ConfigureAwait(false));
        }
        finally
        {
            context.Writers.Return(first.Writer);
            context.Writers.Return(second.Writer);
        }
    }

    private async Task<long> AppendAsync(HttpRequestMessage request)
    {
        using var response = await SendAsync(request).ConfigureAwait(false);
        var body = await response.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
        ProduceAnswer? answer = null;
        try
        {
            answer = JsonSerializer.Deserialize(body, ApiJsonContext.Api.ProduceAnswer);
        }
        catch (JsonException)
        {
            // As below.
        }

        if (answer is not { Results: [{ } result, ..] } || (result.Offset is null && result.Error is null))
        {
            throw new StreamServiceException($"The answer to {request.Method} {request.RequestUri} is not this service's.")
            {
                Status = response.StatusCode,
                IsOutcomeUnknown = true,
            };
        }

        if (result.Error is not { } problem)
            return result.Offset!.Value;
        throw new StreamServiceException($"{problem.ErrorCode}: {problem.Detail}")
        {
            ErrorCode = problem.ErrorCode,
            Status = (HttpStatusCode)problem.Status,
            IsRetriable = problem.Retriable,
            IsOutcomeUnknown = problem.Outcome == "unknown",
            Problem = problem,
        };
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request)
    {
        try
        {
            return await context.Calls.SendAsync(request, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not StreamServiceException)
        {
            // Whatever ended the tries says nothing of what became of the batch.
            throw Unknown($"The batch could not be sent: {exception.Message}", exception);
        }
    }

    private static StreamServiceException Unknown(string message, Exception exception) => new(message, exception) { IsOutcomeUnknown = true };

    private StreamServiceException Behind(StreamServiceException hole) => new(
        $"It was not sent: an earlier record of {context.Topic}/{partition} is not stored ({hole.ErrorCode}), and a gapless producer sends none behind it.", hole)
    {
        ErrorCode = StreamServiceException.GaplessGuarantee,
    };

    private HttpRequestMessage Make(OutgoingBatch batch, long? deadline)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_path, UriKind.Relative))
        {
            Content = new ReadOnlyMemoryContent(batch.Writer.WrittenBatch()),
        };
        request.Content.Headers.ContentType = Batches;
        if (deadline is { } at)
            request.Options.Set(DeadlineHandler.Deadline, at);
        if (context.Options.Acks == Acknowledgement.Leader)
            request.Headers.Add("Acks", "1");
        return request;
    }

    private Outcome Failed(OutgoingBatch batch, StreamServiceException error)
    {
        ClientLog.NotStored(
            context.Log, batch.Writer.Count, context.Topic, partition, error.IsOutcomeUnknown ? "stored once or not at all" : "not stored", error.ErrorCode, error.Message);
        if (context.Options.Gapless)
            _hole ??= error;
        context.Failed(error, batch.HasUnawaited);
        return new Outcome(BaseOffset: -1, error);
    }

    private void Tell(OutgoingBatch batch, in Outcome outcome)
    {
        if (outcome.Error is { } error)
            batch.Fail(context.Topic, partition, error);
        else if (!outcome.IsTold)
            batch.Complete(context.Topic, partition, outcome.BaseOffset);
    }

    private void Count(OutgoingBatch batch, long started, string? error) =>
        ClientTelemetry.CountSent(context.Topic, batch.Writer.Count, context.Calls.Time.GetElapsedTime(started), error);

    /// <summary>What became of a batch.</summary>
    /// <param name="BaseOffset">The first record's offset; -1 when nobody knows it.</param>
    /// <param name="Error">Why its records are not stored; null if they are.</param>
    private readonly record struct Outcome(long BaseOffset, StreamServiceException? Error = null)
    {
        /// <summary>True when its halves have been sent, and each has told of its records.</summary>
        public bool IsTold { get; init; }
    }
}
