using OrleansStream.Activations;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>The entry of a group in the catalogue of groups.</summary>
/// <remarks>
/// Whoever creates a group registers it first. An activation that finds a stored group registers it once more, because an earlier activation may have
/// ended before it could. This runs beside the group's calls until it has succeeded: the catalogue's silo may hang, and leases and sessions must not
/// stand still meanwhile. Only a group that is created while its name is being removed has to wait, because nobody is told of a new group that is not
/// registered. Must only be used on the grain's scheduler.
/// </remarks>
/// <param name="name">The group's name.</param>
/// <param name="grains">Reaches the catalogue.</param>
/// <param name="time">Times the tries, and the pauses between them.</param>
/// <param name="exists">Whether the group exists.</param>
internal sealed class GroupRegistration(string name, IGrainFactory grains, TimeProvider time, Func<bool> exists)
{
    private Task _adding = Task.CompletedTask;
    private Task _removal = Task.CompletedTask;
    private Task _repeating = Task.CompletedTask;
    private int _removals;
    private bool _isRemoved;
    private bool _isLeaving;

    /// <summary>True when the catalogue is known to have the group.</summary>
    public bool IsCertain { get; private set; }

    private IGroupCatalogGrain Catalog => grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key);

    /// <summary>Registers the group, behind a removal that is under way, which might else be done last.</summary>
    /// <returns>Why the group cannot be created; null when it is registered.</returns>
    public async Task<StreamError?> AddAsync()
    {
        await PassRemovalAsync();
        var removals = _removals;
        var adding = Catalog.RegisterAsync(name);
        _adding = adding;
        var refusal = await adding;
        if (refusal is null && removals == _removals)
            (IsCertain, _isRemoved) = (true, false);
        return refusal;
    }

    /// <summary>Removes the group's name.</summary>
    public Task RemoveAsync()
    {
        (IsCertain, _isRemoved) = (false, true);
        _removals++;
        if (_removal.IsCompleted)
            _removal = RemoveBehindAsync(_adding);
        return _removal;
    }

    /// <summary>Registers a group that is stored, and completes when its callers may be answered.</summary>
    /// <exception cref="StreamException">The group is new, and the catalogue did not answer, or has no room for it.</exception>
    public async Task EnsureAsync()
    {
        if (!_isRemoved)
        {
            Begin();
            return;
        }

        await PassRemovalAsync();
        // It may have been deleted again by then, and nobody removes its name once more.
        if (!exists())
            return;
        StreamError? refusal;
        try
        {
            refusal = await AddAsync();
        }
        catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
        {
            Begin();
            throw new StreamException(new StreamError(
                StreamErrorCode.CoordinatorNotAvailable, $"Group '{name}' is stored, but the catalogue of groups did not answer. Try again.")
            {
                OutcomeUnknown = true,
                RetryAfterMs = GroupGrainLimits.RetryAfterMs,
            });
        }

        if (refusal is null)
            return;
        // Its later calls do not wait for the catalogue: it is tried again beside them.
        _isRemoved = false;
        throw new StreamException(refusal with { OutcomeUnknown = true });
    }

    /// <summary>Begins to register a group that is stored; nobody waits for it.</summary>
    public void Begin()
    {
        if (IsToRepeat && _repeating.IsCompleted)
            _repeating = OutsideCall.RunAsync(RepeatAsync);
    }

    /// <summary>Ends the tries: the activation goes away, and the next one registers the group.</summary>
    public void Leave() => _isLeaving = true;

    private async Task PassRemovalAsync()
    {
        while (!_removal.IsCompleted)
            await _removal.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    // A registration that is under way might else be done last.
    private async Task RemoveBehindAsync(Task adding)
    {
        await adding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await Catalog.RemoveAsync(name);
    }

    private bool IsToRepeat => !IsCertain && !_isLeaving && exists();

    private async Task RepeatAsync()
    {
        while (IsToRepeat)
        {
            try
            {
                // There are too many groups: the next change of this one tries again.
                if (await AddAsync().WaitAsync(GroupGrainLimits.RegisterMax, time) is not null)
                    return;
            }
            catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
            {
                await Task.Delay(GroupGrainLimits.RegisterRetry, time);
            }
        }
    }
}
