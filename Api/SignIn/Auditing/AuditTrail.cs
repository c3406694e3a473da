using System.Collections.Immutable;
using System.Text.Json;
using System.Threading.Channels;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.SignIn.Auditing;

/// <summary>
/// Writes who managed what and what came of it, and what was refused, to the log and to the topic <see cref="Topic"/>. Nothing of a request's body
/// is written.
/// </summary>
/// <remarks>
/// No call waits for the topic. While the topic cannot be written, up to <see cref="AuditLimits.EntriesMax"/> entries wait; further ones are in the log alone,
/// and the next entry in the topic tells how many. The same refusal or failure of the same caller is written once a minute, so that repeating it
/// fills neither.
/// </remarks>
/// <param name="services">Where the way to the topic is: it needs this trail itself.</param>
/// <param name="time">Dates entries, and times the pauses after a failure.</param>
/// <param name="logger">The log.</param>
internal sealed partial class AuditTrail(IServiceProvider services, TimeProvider time, ILogger<AuditTrail> logger) : BackgroundService, IAudit
{
    /// <summary>The topic.</summary>
    public const string Topic = AccessControl.ServicePrefix + "audit";

    private readonly Channel<AuditEntry> _entries = Channel.CreateBounded<AuditEntry>(
        new BoundedChannelOptions(AuditLimits.EntriesMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });

    private readonly Lock _gate = new();
    private readonly Dictionary<(string, string, string, string?), long> _toldAt = [];
    private long _droppedCount;

    /// <inheritdoc/>
    public void Note(AuditedCall audited)
    {
        var principal = audited.Caller.Principal.ToString();
        var resource = audited.Name.Length == 0 ? $"{audited.Kind}s" : $"{audited.Kind} {audited.Name}";
        if (audited.Detail is { } detail)
            resource = $"{resource}: {detail}";
        var what = audited.What.EndsWith("Async", StringComparison.Ordinal) ? audited.What[..^"Async".Length] : audited.What;
        var error = audited.Error is { } code ? JsonNamingPolicy.SnakeCaseUpper.ConvertName($"{code}") : null;
        if (audited.Outcome != AuditOutcome.Done && !IsNews((principal, what, resource, error)))
            return;
        var entry = new AuditEntry(
            time.GetUtcNow(), principal, audited.Caller.Address?.ToString(), audited.Caller.ClientId, what, $"{audited.Operation}", resource,
            $"{audited.Outcome}".ToLowerInvariant(), error);
        if (entry.Error is null)
            LogEntry(logger, entry.Outcome, entry.Principal, entry.Address, entry.ClientId, entry.What, entry.Resource);
        else
            LogError(logger, entry.Outcome, entry.Error, entry.Principal, entry.Address, entry.ClientId, entry.What, entry.Resource);
        if (!_entries.Writer.TryWrite(entry))
            Interlocked.Increment(ref _droppedCount);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var first in _entries.Reader.ReadAllAsync(stoppingToken))
            {
                List<AuditEntry> some = [first];
                while (some.Count < AuditLimits.EntriesMax && _entries.Reader.TryRead(out var next))
                    some.Add(next);
                while (!await TryStoreAsync(some, stoppingToken))
                    await Task.Delay(AuditLimits.RetryPause, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is not stored is in the log.
        }
    }

    private bool IsNews((string, string, string, string?) failure)
    {
        var now = time.GetTimestamp();
        lock (_gate)
        {
            if (_toldAt.TryGetValue(failure, out var at) && time.GetElapsedTime(at, now) < AuditLimits.FailurePause)
                return false;
            if (_toldAt.Count >= AuditLimits.FailuresRememberedMax)
                _toldAt.Clear();
            _toldAt[failure] = now;
            return true;
        }
    }

    private async Task<bool> TryStoreAsync(List<AuditEntry> entries, CancellationToken cancellationToken)
    {
        var dropped = Interlocked.Exchange(ref _droppedCount, 0);
        try
        {
            using var batch = new RecordBatchWriter();
            batch.Reset(new RecordBatchOptions { Compression = CompressionType.Zstd });
            foreach (var entry in entries)
            {
                batch.Append(
                    entry.At.ToUnixTimeMilliseconds(), System.Text.Encoding.UTF8.GetBytes(entry.Principal), hasKey: true,
                    JsonSerializer.SerializeToUtf8Bytes(
                        entry with { DroppedBefore = dropped > 0 ? dropped : null }, AuditJsonContext.Default.AuditEntry), hasValue: true);
            }

            batch.Finish();
            var outcome = await services.GetRequiredService<RecordsAppender>().AppendAsync(
                Caller.Service, Topic, new AppendRecords(batch.ToArray(), Partition: 0, default, Acks.All, ExpectedNextOffset: null));
            var error = outcome.Response.Error ?? outcome.Response.Parts.FirstOrDefault().Response.Error;
            if (error is null)
                return true;
            Interlocked.Add(ref _droppedCount, dropped);
            if (error.Code != StreamErrorCode.UnknownTopicOrPartition)
                LogNotStored(logger, error.Detail);
            else
                await MakeTopicAsync(cancellationToken);
        }
        catch (Exception e) when (LostCalls.IsLost(e, cancellationToken) || e is StreamException)
        {
            Interlocked.Add(ref _droppedCount, dropped);
            LogNotStored(logger, e.Message);
        }

        return false;
    }

    private async Task MakeTopicAsync(CancellationToken cancellationToken) => await services.GetRequiredService<TopicAdministration>().CreateAsync(
        Caller.Service, Topic,
        new CreateTopicRequest(
            1, ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)
                .Add("retention.ms", $"{(long)AuditLimits.EntryAge.TotalMilliseconds}"), ReplicationFactor: null),
        cancellationToken);

    [LoggerMessage(
        EventId = 1, Level = LogLevel.Information, Message = "{Outcome}: {Principal} from {Address} (client {ClientId}): {What} on {Resource}")]
    private static partial void LogEntry(
        ILogger logger, string outcome, string principal, string? address, string? clientId, string what, string resource);

    [LoggerMessage(
        EventId = 3, Level = LogLevel.Information, Message = "{Outcome} ({Error}): {Principal} from {Address} (client {ClientId}): {What} on {Resource}")]
    private static partial void LogError(
        ILogger logger, string outcome, string error, string principal, string? address, string? clientId, string what, string resource);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "The audit could not be stored in its topic, and is tried again: {Reason}")]
    private static partial void LogNotStored(ILogger logger, string reason);
}
