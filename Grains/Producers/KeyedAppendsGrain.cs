using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Orleans.Storage;
using OrleansStream.Errors;
using OrleansStream.Persistence;
using OrleansStream.Storage;
using OrleansStream.Topics;

namespace OrleansStream.Producers;

/// <summary>Stores <see cref="KeyedAppends"/> in a document beside the topic's first partition, so that it is freed with the topic's bytes.</summary>
/// <remarks>
/// Calls interleave, and the state changes only between awaits. Every answer comes after the write that contains its change. The write is a
/// compare-and-swap: that of a stale activation fails, and the activation deactivates.
/// </remarks>
[GrainType("keyed-appends")]
internal sealed partial class KeyedAppendsGrain(
    IDocumentStore documents, TimeProvider time, RepeatedFailures failures, ILogger<KeyedAppendsGrain> logger) : Grain, IKeyedAppendsGrain
{
    private string _document = "";
    private string? _etag;
    private KeyedAppends _state = new();
    private SharedWrite _write = null!;
    private Task? _taking;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var key = this.GetPrimaryKeyString().Split('/');
        _document = $"{key[0]}/0/keys/{key[1]}.json";
        _write = new SharedWrite("The memory for idempotency keys", WriteAsync, () => Task.FromResult(true), Fail);
        try
        {
            if (await documents.ReadAsync(_document, cancellationToken) is { } found)
                (_state, _etag) = (KeyedAppends.Parse(found.Bytes.Span), found.ETag);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (failures.IsToTell($"read {_document}", out var count))
                LogNotRead(e, this.GetPrimaryKeyString(), count);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<KeyedAppendResponse> BeginAsync(KeyedAppendRequest request)
    {
        _write.ThrowIfFailed();
        while (_state.NeedsIds)
            await TakeIdsAsync();
        var response = _state.Begin(request, NowMs);
        if (response.Identity is { StoredParts: null })
            _write.Changed();
        await _write.FlushAsync();
        return response;
    }

    /// <inheritdoc/>
    public async Task EndAsync(string key, Guid runner, KeyedOutcome outcome, ImmutableArray<StoredPart> parts)
    {
        _write.ThrowIfFailed();
        if (_state.End(key, runner, outcome, parts))
            _write.Changed();
        await _write.FlushAsync();
    }

    private Task TakeIdsAsync()
    {
        if (_taking is not { IsCompleted: false })
            _taking = TakeAsync();
        return _taking;

        async Task TakeAsync()
        {
            _state.NextId = await GrainFactory.GetGrain<IServiceProducerIdGrain>(IServiceProducerIdGrain.Key).TakeBlockAsync();
            _state.IdsLeft = ProducerLimits.IdsPerBlock;
        }
    }

    private async Task WriteAsync()
    {
        _state.Expire(NowMs);
        _etag = await documents.WriteAsync(_document, _state.ToBytes(), _etag)
            ?? throw new InconsistentStateException("The memory for idempotency keys was written by another activation.");
    }

    private void Fail(Exception exception)
    {
        if (failures.IsToTell($"write {_document}", out var count))
            LogWriteFailed(exception, this.GetPrimaryKeyString(), count);
        DeactivateOnIdle();
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "This activation could not store the idempotency keys of {Share}; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, string share, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The idempotency keys of {Share} could not be read; failures since this was last said: {Failures}")]
    private partial void LogNotRead(Exception exception, string share, int failures);
}
