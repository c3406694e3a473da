using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Consuming;

/// <summary>The polls of a member: one call each, and what their answers say.</summary>
internal sealed partial class GroupMember
{
    // A service that gives no parts answers in JSON.
    private static readonly MediaTypeWithQualityHeaderValue[] Forms = [new(PollAnswerReader.Multipart), new(PollAnswerReader.Json, 0.5)];

    // Until an answer has told where the member stands, no poll waits: whoever does not know its epoch can neither leave nor seek.
    private bool _isJoined;
    private bool _mayHaveJoined;

    /// <summary>Commits the last answer's records, and gets the next ones.</summary>
    /// <param name="interrupted">
    /// Ends it, as <paramref name="cancellationToken"/> does too, but for a call that joins: such a call is answered at once, and whoever ended it
    /// would not know the member's epoch. Nor does it end the waits of a member that may be in the group and could not leave it.
    /// </param>
    /// <param name="cancellationToken">Ends it. Nothing is lost: the records of an answer that is not taken come again.</param>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help.</exception>
    /// <exception cref="PartitionsHandlerException">A handler of partition changes threw; the answer does not count.</exception>
    public Task PollAsync(CancellationToken interrupted, CancellationToken cancellationToken) => PatientlyAsync(
        async () =>
        {
            await AskAsync(
                Poll(RecordsMax, commit: null), _options.MaxWait + ConsumerLimits.PollSlack, isRenewal: false,
                _isJoined ? interrupted : cancellationToken).ConfigureAwait(false);
            return true;
        },
        () => CanLeave || !_mayHaveJoined ? interrupted : cancellationToken);

    // An older service gives as many as it is asked for, and takes no more failures than this.
    private int RecordsMax => _answersInParts ? _options.MaxRecords : Math.Min(_options.MaxRecords, ConsumerLimits.FallibleRecordsMax);

    private PollRequest Poll(int recordsMax, bool? commit) => new()
    {
        Topics = _topics,
        Cursor = _cursor,
        Commit = _cursor is null ? null : commit,
        Failed = commit == false ? null : Failures(),
        MaxRecords = recordsMax,
        MaxBytes = _options.MaxBytes,
        WaitMs = recordsMax == 0 || !_isJoined ? 0 : (int)_options.MaxWait.TotalMilliseconds,
        LeaseMs = (int)_options.Lease.TotalMilliseconds,
        AutoOffsetReset = JsonNamingPolicy.SnakeCaseLower.ConvertName(_options.Start.ToString()),
        KeyAs = "binary",
        ValueAs = "binary",
    };

    private async Task AskAsync(PollRequest poll, TimeSpan max, bool isRenewal, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(max, Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        var started = Time.GetTimestamp();
        try
        {
            using var request = ServiceCalls.Make(
                HttpMethod.Post, $"{_path}/poll", JsonSerializer.SerializeToUtf8Bytes(poll, ApiJsonContext.Api.PollRequest));
            request.Options.Set(EndpointHandler.GivenUp, cancellationToken);
            if (poll.MaxRecords > 0)
                Array.ForEach(Forms, request.Headers.Accept.Add);
            using var response = await SendAsync(request, joins: poll.Cursor is null, ended.Token).ConfigureAwait(false);
            Renewed(hasWaited: poll.WaitMs > 0, started);
            if (isRenewal)
                await TakeRenewalAsync(response, ended.Token).ConfigureAwait(false);
            else
                await TakeAsync(response, poll.MaxRecords > 0, ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StreamServiceException($"A poll of group '{Group}' had no answer for {max.TotalSeconds:F0} s.", exception)
            {
                ErrorCode = StreamServiceException.NetworkException,
                IsRetriable = true,
            };
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or JsonException)
        {
            throw new StreamServiceException($"The answer to a poll of group '{Group}' broke off: {exception.Message}", exception)
            {
                ErrorCode = StreamServiceException.NetworkException,
                IsRetriable = true,
            };
        }

        if (!isRenewal && poll.MaxRecords > 0)
            ClientTelemetry.CountPolled(_joinedTopics, Group, _answer.Records.Count, Time.GetElapsedTime(started), error: null);
    }

    // Who joins gets another epoch with the answer. Without an answer nobody knows whether the member is in.
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage poll, bool joins, CancellationToken cancellationToken)
    {
        var before = (_epoch, _mayHaveJoined);
        if (joins)
            (_epoch, _mayHaveJoined) = (null, true);
        try
        {
            return await _once.SendAsync(poll, cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (!exception.IsOutcomeUnknown)
        {
            (_epoch, _mayHaveJoined) = before;
            throw;
        }
    }

    private async Task TakeAsync(HttpResponseMessage response, bool asksForRecords, CancellationToken cancellationToken)
    {
        await _buffer.ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        var boundary = BoundaryOf(response);
        _answer.Read(_buffer.Bytes, boundary);
        if (asksForRecords)
            _answersInParts = boundary is not null;
        // By the epoch the member leaves. The cursor commits the answer's records, so it counts once they are sure to be delivered.
        (_epoch, _isJoined) = (_answer.MemberEpoch, true);
        Lag = _answer.Lag ?? Lag;
        ForgetFailures();
        Assign([.. _answer.Assignment], isLost: false);
        _cursor = _answer.Cursor;
    }

    private static string? BoundaryOf(HttpResponseMessage response)
    {
        if (response.Content.Headers.ContentType is not { MediaType: PollAnswerReader.Multipart } type)
            return null;
        return type.Parameters.FirstOrDefault(parameter => parameter.Name == "boundary")?.Value?.Trim('"')
            ?? throw new JsonException("The content type has no boundary.");
    }

    // The last answer's records are in use, and so is its memory.
    private async Task TakeRenewalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await Answers.ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        using var renewal = new PollAnswerReader();
        renewal.Read(body);
        (_cursor, _epoch) = (renewal.Cursor, renewal.MemberEpoch);
    }

    private void LogChange(IReadOnlyList<TopicPartition> added, IReadOnlyList<TopicPartition> gone, bool isLost)
    {
        var log = _connection.Log;
        if (isLost && gone.Count > 0 && log.IsEnabled(LogLevel.Warning))
            ClientLog.Lost(log, Id, Group, string.Join(", ", gone));
        if (!log.IsEnabled(LogLevel.Information) || (isLost && added.Count == 0))
            return;
        var (got, revoked) = (string.Join(", ", added), isLost ? "" : string.Join(", ", gone));
        ClientLog.Rebalanced(log, Id, Group, Assignment.Count, got, revoked);
    }
}
