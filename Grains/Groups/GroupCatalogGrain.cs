using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Persistence;

namespace OrleansStream.Groups;

/// <summary>The catalogue of groups. It has every group that exists, and may also have one that has just ended.</summary>
/// <remarks>
/// Calls interleave, also with the timer. <c>_groups</c> is replaced in one step between two awaits. Every answer comes after a write that is not
/// older than what it tells, except the refusal of one group too many, which changes nothing. Only a group itself registers and removes its name,
/// because only it knows whether it is just being created.
/// </remarks>
[GrainType("group-catalog")]
internal sealed partial class GroupCatalogGrain(
    [PersistentState("groups", DocumentGrainStorage.ProviderName)] IPersistentState<GroupCatalogState> state,
    TimeProvider time, RepeatedFailures failures, ILogger<GroupCatalogGrain> logger) : Grain, IGroupCatalogGrain, IDisposable
{
    private readonly DetachedWork _expiry = new();
    private ImmutableSortedDictionary<string, DateTimeOffset> _groups = GroupCatalogState.NoGroups;
    private SharedWrite _write = null!;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _groups = state.State.Groups;
        _write = new SharedWrite("The catalogue of groups", WriteAsync, () => Task.FromResult(true), Fail);
        this.RegisterGrainTimer(StartExpiringAsync, new GrainTimerCreationOptions
        {
            DueTime = GroupGrainLimits.ExpiryPeriod,
            Period = GroupGrainLimits.ExpiryPeriod,
            Interleave = true,
            KeepAlive = true,
        });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _expiry.LeaveAsync();

    /// <inheritdoc/>
    public void Dispose() => _expiry.Dispose();

    /// <inheritdoc/>
    public async Task<StreamError?> RegisterAsync(string name)
    {
        if (!_groups.ContainsKey(name))
        {
            if (_groups.Count >= GroupLimits.GroupsMax)
            {
                return new StreamError(StreamErrorCode.PolicyViolation,
                    $"There are {_groups.Count} groups, and at most {GroupLimits.GroupsMax} are allowed.");
            }

            _groups = _groups.Add(name, time.GetUtcNow());
            _write.Changed();
        }

        await _write.FlushAsync();
        return null;
    }

    /// <inheritdoc/>
    public async Task RemoveAsync(string name)
    {
        if (_groups.ContainsKey(name))
        {
            _groups = _groups.Remove(name);
            _write.Changed();
        }

        await _write.FlushAsync();
    }

    /// <inheritdoc/>
    public async Task<GroupPage> ListAsync(string prefix, string? after, int limit)
    {
        var take = Math.Clamp(limit, 1, GroupLimits.CatalogPageMax);
        GroupEntry[] found = [.. _groups
            .Where(group => group.Key.StartsWith(prefix, StringComparison.Ordinal) && (after is null || string.CompareOrdinal(group.Key, after) > 0))
            .Take(take + 1).Select(group => new GroupEntry(group.Key, group.Value))];
        await _write.FlushAsync();
        return found.Length > take ? new GroupPage([.. found[..take]], found[take - 1].Name) : new GroupPage([.. found], NextAfter: null);
    }

    // Expired groups call this grain.
    private Task StartExpiringAsync(CancellationToken cancellationToken)
    {
        _expiry.Start(ExpireAsync);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Lets each group remove its expired offsets, because a group without members has no timer of its own. A group that does not exist any more
    /// removes its name, which a crash may have left here.
    /// </summary>
    private async Task ExpireAsync(CancellationToken cancellationToken)
    {
        foreach (var name in _groups.Keys)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                await GrainFactory.GetGrain<IConsumerGroupGrain>(name).ExpireAsync();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                if (failures.IsToTell($"expiry of group {name}", out var count))
                    LogNotExpired(e, name, count);
            }
        }
    }

    private Task WriteAsync()
    {
        state.State = new GroupCatalogState { Groups = _groups };
        return state.WriteStateAsync();
    }

    private void Fail(Exception exception)
    {
        if (failures.IsToTell("write catalogue of groups", out var count))
            LogWriteFailed(exception, count);
        DeactivateOnIdle();
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Group {Group} could not be asked whether its offsets have expired; failures since this was last said: {Failures}")]
    private partial void LogNotExpired(Exception exception, string group, int failures);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The catalogue of groups could not be kept by this activation; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, int failures);
}

/// <summary>The stored state of the catalogue of groups.</summary>
internal sealed record GroupCatalogState
{
    /// <summary>An empty dictionary with ordinal order.</summary>
    public static readonly ImmutableSortedDictionary<string, DateTimeOffset> NoGroups =
        ImmutableSortedDictionary.Create<string, DateTimeOffset>(StringComparer.Ordinal);

    private readonly ImmutableSortedDictionary<string, DateTimeOffset> _groups = NoGroups;

    /// <summary>The groups' names, each with the time of its creation.</summary>
    public ImmutableSortedDictionary<string, DateTimeOffset> Groups
    {
        get => _groups;
        // The JSON deserializer creates dictionaries with the default order.
        init => _groups = value.WithComparers(StringComparer.Ordinal);
    }
}
