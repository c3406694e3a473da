using System.Collections.Immutable;
using System.Text.Json;
using System.Threading.Channels;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Api.Hosting.Auditing;

/// <summary>Writes who managed what, and what was refused, to the log and to the topic <see cref="Topic"/>. Never what a request carries.</summary>
/// <remarks>
/// Nobody waits for it: what it cannot store for a while is dropped from the topic, counted there, and in the log all the same. The same refusal of the
/// same caller is written once a minute, so that whoever repeats it fills nothing.
/// </remarks>
/// <param name="services">Where the way to the topic is: it needs this trail itself.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class AuditTrail(IServiceProvider services, TimeProvider time, ILogger<AuditTrail> logger) : BackgroundService, IAudit
{
    /// <summary>The topic.</summary>
    public const string Topic = AccessControl.ServicePrefix + "audit";

    private const int EntriesMax = 1_000;
    private const int RefusalsRememberedMax = 10_000;
    private static readonly TimeSpan RefusalPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EntryAge = TimeSpan.FromDays(90);

    private readonly Channel<AuditEntry> _entries = Channel.CreateBounded<AuditEntry>(
        new BoundedChannelOptions(EntriesMax) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });

    private readonly Lock _gate = new();
    private readonly Dictionary<(string, string, string), long> _refusedAt = [];
    private long _droppedCount;

    /// <inheritdoc/>
    public void Note(AuditedCall audited)
    {
        var principal = audited.Caller.Principal.ToString();
        var resource = audited.Name.Length == 0 ? $"{audited.Kind}s" : $"{audited.Kind} {audited.Name}";
        var what = audited.What.EndsWith("Async", StringComparison.Ordinal) ? audited.What[..^"Async".Length] : audited.What;
        if (!audited.IsAllowed && !IsNews((principal, what, resource)))
            return;
        var entry = new AuditEntry(
            time.GetUtcNow(), principal, audited.Caller.Address?.ToString(), audited.Caller.ClientId, what, $"{audited.Operation}", resource, audited.IsAllowed ? "allowed" : "refused");
        LogEntry(logger, entry.Outcome, entry.Principal, entry.Address, entry.ClientId, entry.What, entry.Resource);
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
                while (some.Count < EntriesMax && _entries.Reader.TryRead(out var next))
                    some.Add(next);
                while (!await TryStoreAsync(some, stoppingToken))
                    await Task.Delay(RetryPause, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is not stored is in the log.
        }
    }

    private bool IsNews((string, string, string) refusal)
    {
        var now = time.GetTimestamp();
        lock (_gate)
        {
            if (_refusedAt.TryGetValue(refusal, out var at) && time.GetElapsedTime(at, now) < RefusalPause)
                return false;
            if (_refusedAt.Count >= RefusalsRememberedMax)
                _refusedAt.Clear();
            _refusedAt[refusal] = now;
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
                    JsonSerializer.SerializeToUtf8Bytes(entry with { DroppedBefore = dropped > 0 ? dropped : null }, AuditJsonContext.Default.AuditEntry), hasValue: true);
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
        catch (Exception e) when (e is OrleansException or TimeoutException or StreamException)
        {
            Interlocked.Add(ref _droppedCount, dropped);
            LogNotStored(logger, e.Message);
        }

        return false;
    }

    private async Task MakeTopicAsync(CancellationToken cancellationToken) => await services.GetRequiredService<TopicAdministration>().CreateAsync(
        Caller.Service, Topic,
        new CreateTopicRequest(1, ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal).Add("retention.ms", $"{(long)EntryAge.TotalMilliseconds}"), ReplicationFactor: null),
        cancellationToken);

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "{Outcome}: {Principal} from {Address} (client {ClientId}): {What} on {Resource}")]
    private static partial void LogEntry(ILogger logger, string outcome, string principal, string? address, string? clientId, string what, string resource);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "The audit could not be stored in its topic, and is tried again: {Reason}")]
    private static partial void LogNotStored(ILogger logger, string reason);
}
