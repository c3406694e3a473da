using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;
using OrleansStream.Persistence;
using OrleansStream.Randomness;

namespace OrleansStream.Groups;

/// <summary>A group as one activation holds it: its state in memory, and the document that keeps it. All rules are in the state.</summary>
/// <remarks>
/// Calls interleave, but the state changes only between two awaits. Each call first gathers what it needs (<see cref="BeginAsync"/>), then changes
/// the state in one step (<see cref="Take{T}(in Handled{T})"/>), then waits until the change is written (<see cref="FlushAsync"/>). An answer is
/// computed before that wait, so it is never newer than the written state. After a failed write no call is answered any more, and the activation
/// ends. Must only be used on the grain's scheduler.
/// </remarks>
internal sealed partial class StoredGroup
{
    private readonly IGrainBase _grain;
    private readonly IPersistentState<GroupDocument> _document;
    private readonly TimeProvider _time;
    private readonly RepeatedFailures _failures;
    private readonly ILogger _logger;
    private readonly Action _stepped;
    private readonly SharedWrite _write;
    private readonly EmptyActivation _empty;
    private readonly GroupTopics _topics;
    private readonly GroupRegistration _registration;
    private long _ownedAt;

    /// <summary>Restores a group from its document.</summary>
    /// <param name="name">The group's name.</param>
    /// <param name="grain">The grain, which ends when the stored state is in doubt.</param>
    /// <param name="document">The document.</param>
    /// <param name="grains">Reaches the catalogue and the topics.</param>
    /// <param name="time">Times leases and waits, and dates what is stored.</param>
    /// <param name="random">Where ids and jitter come from.</param>
    /// <param name="failures">Counts repeated failures.</param>
    /// <param name="logger">The grain's log.</param>
    /// <param name="stepped">Called after each step.</param>
    public StoredGroup(
        string name, IGrainBase grain, IPersistentState<GroupDocument> document, IGrainFactory grains, TimeProvider time, RandomSource random,
        RepeatedFailures failures, ILogger logger, Action stepped)
    {
        (Name, _grain, _document) = (name, grain, document);
        (_time, _failures, _logger, _stepped) = (time, failures, logger, stepped);
        Random = random;
        State = GroupState.Restore(document.State.Events, Now(), random);
        Classic = new ClassicGroup(State, Now());
        Waits = new GroupWaits(time);
        Calls = new ParkedCalls(time);
        _write = new SharedWrite($"The state of group '{name}'", WriteAsync, IsOwnAsync, Fail);
        _empty = new EmptyActivation(grain, time, () => IsEmpty);
        _topics = new GroupTopics(grains);
        _registration = new GroupRegistration(name, grains, time, () => State.Exists);
        _ownedAt = time.GetTimestamp();
    }

    /// <summary>The group's name.</summary>
    public string Name { get; }

    /// <summary>Where ids and jitter come from.</summary>
    public RandomSource Random { get; }

    /// <summary>The group, with the members whose partitions it assigns.</summary>
    public GroupState State { get; }

    /// <summary>The members of the classic protocol, which assign partitions among themselves.</summary>
    public ClassicGroup Classic { get; }

    /// <summary>The polls that wait for a change of their member's assignment.</summary>
    public GroupWaits Waits { get; }

    /// <summary>The joins and syncs of the classic protocol that wait.</summary>
    public ParkedCalls Calls { get; }

    /// <summary>True while the group is being deleted. A member that joined then would block a deletion that has already deleted records.</summary>
    public bool IsBeingDeleted { get; set; }

    private bool IsEmpty => !State.Exists && !Classic.IsActive;

    /// <summary>The time on both clocks.</summary>
    public GroupTime Now() => new(_time.GetTimestamp() / (_time.TimestampFrequency / 1000), _time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>Begins a call: verifies that this activation still owns the state, and registers a group that the call may create.</summary>
    /// <param name="mayCreate">True when the call may create the group.</param>
    /// <returns>Why the group cannot be created; null when it can, or need not be.</returns>
    /// <exception cref="StreamException">Another activation owns the state, or this cannot be known.</exception>
    public async Task<StreamError?> BeginAsync(bool mayCreate)
    {
        if (_time.GetElapsedTime(_ownedAt) > GroupGrainLimits.OwnershipAge)
            await _write.ConfirmAsync();
        _write.ThrowIfFailed();
        _empty.Asked();
        return mayCreate && !State.Exists ? await _registration.AddAsync() : null;
    }

    /// <summary>Begins a call that only measures: it does not ask the store who owns the state, so what it sees may be old.</summary>
    /// <exception cref="StreamException">A write has failed.</exception>
    public void BeginMeasuring()
    {
        _write.ThrowIfFailed();
        _empty.Asked();
    }

    /// <summary>Looks topics up by name.</summary>
    /// <param name="names">The names.</param>
    /// <exception cref="StreamException">A topic's owner did not answer.</exception>
    public Task<ImmutableArray<TopicLookup>> FindTopicsAsync(IEnumerable<string> names) => _topics.FindAsync([.. names], State.Topics.ContainsKey);

    /// <summary>Looks up those topics that the group does not know.</summary>
    /// <inheritdoc cref="FindTopicsAsync"/>
    public Task<ImmutableArray<TopicLookup>> FindNewTopicsAsync(IEnumerable<string> names) =>
        FindTopicsAsync(names.Where(name => !State.Topics.ContainsKey(name)));

    /// <summary>Takes a step of the group: notes what is to be written, and wakes those that wait for it.</summary>
    /// <param name="handled">What the state has done.</param>
    /// <returns>Its answer. Nobody may see it before <see cref="FlushAsync"/> has completed.</returns>
    public T Take<T>(in Handled<T> handled)
    {
        if (handled.Events.Length > 0)
        {
            _write.Changed();
            if (handled.Events.OfType<TargetAssigned>().Any())
                LogAssigned(Name, State.Members.Count, State.GroupEpoch);
            // Waiting members are woken only by changes of the assignment, and not by commits.
            if (handled.Events.Any(change => change is not (OffsetsCommitted or OffsetsReset or OffsetsRemoved)))
                Waits.Wake(State.HasNews);
        }

        _stepped();
        return handled.Answer;
    }

    /// <inheritdoc cref="Take{T}(in Handled{T})"/>
    /// <param name="step">What the classic protocol's side has done, with the answers of calls that waited.</param>
    public T Take<T>(in ClassicStep<T> step)
    {
        var answer = Take(new Handled<T>(step.Answer, step.Events));
        if (!step.Deliveries.IsEmpty)
            _ = Calls.DeliverAsync(step.Deliveries, FlushAsync);
        return answer;
    }

    /// <summary>Ends the leases and sessions whose time is over, and does whatever else is due now.</summary>
    public void Tick()
    {
        Take(State.Tick(Now()));
        Take(Classic.Tick(Now()));
    }

    /// <summary>The time until the group has something to do; null when nothing is due.</summary>
    public TimeSpan? FindDue()
    {
        var (rebalance, classic) = (State.RebalanceDueMs(Now()), Classic.DueMs(Now()));
        var dueMs = rebalance is null ? classic : classic is null ? rebalance : Math.Min(rebalance.Value, classic.Value);
        return dueMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
    }

    /// <summary>Takes note of what the group's topics are now.</summary>
    /// <exception cref="StreamException">A topic's owner did not answer.</exception>
    public async Task UpdateTopicsAsync()
    {
        var found = await FindTopicsAsync(State.TopicNames);
        Take(State.UpdateTopics(found, Now()));
    }

    /// <summary>Completes when all changes until now are durable, and a new group is registered.</summary>
    /// <exception cref="StreamException">They could not be stored, and the activation ends; or the catalogue did not answer.</exception>
    public Task FlushAsync() => _registration.IsCertain || !State.Exists ? _write.FlushAsync() : FlushRegisteredAsync();

    /// <summary>As <see cref="FlushAsync"/>, for work that answers nobody and so need not wait for the catalogue.</summary>
    /// <exception cref="StreamException">The changes could not be stored; the activation ends.</exception>
    public async Task StoreAsync()
    {
        await _write.FlushAsync();
        _registration.Begin();
    }

    /// <summary>Throws once the stored state is in doubt.</summary>
    /// <exception cref="StreamException">It is in doubt.</exception>
    public void ThrowIfFailed() => _write.ThrowIfFailed();

    /// <summary>Ends what runs beside the calls, because the activation goes away.</summary>
    public void Leave() => _registration.Leave();

    /// <summary>Ends the activation soon if the group does not exist.</summary>
    public void Asked() => _empty.Asked();

    /// <summary>Removes the group from the catalogue if it does not exist. Whoever creates it meanwhile registers it again.</summary>
    /// <returns>False when it exists, or somebody is joining it.</returns>
    public async Task<bool> ForgetAsync()
    {
        _empty.Asked();
        if (!IsEmpty)
            return false;
        await _registration.RemoveAsync();
        if (State.Exists)
            await FlushAsync();
        return IsEmpty;
    }

    /// <summary>The refusal of a call that would begin the group anew while it is being deleted.</summary>
    public StreamError BeingDeleted() => new(
        StreamErrorCode.CoordinatorLoadInProgress, $"Group '{Name}' is just being deleted. Try again to begin it anew.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    private async Task FlushRegisteredAsync()
    {
        await _write.FlushAsync();
        await _registration.EnsureAsync();
    }

    private async Task WriteAsync()
    {
        _document.State = new GroupDocument { Events = State.ToEvents() };
        if (State.Exists)
            await _document.WriteStateAsync();
        else
            await _document.ClearStateAsync();
        _ownedAt = _time.GetTimestamp();
    }

    private async Task<bool> IsOwnAsync()
    {
        var etag = _document.Etag;
        await _document.ReadStateAsync();
        _ownedAt = _time.GetTimestamp();
        return _document.Etag == etag;
    }

    private void Fail(Exception exception)
    {
        if (_failures.IsToTell($"write group {Name}", out var count))
            LogWriteFailed(exception, Name, count);
        Waits.Wake((_, _) => true);
        Calls.EndAll(new StreamException(
            new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"Group '{Name}' is with another server by now. Try again.")
            {
                RetryAfterMs = GroupGrainLimits.RetryAfterMs,
            }));
        _grain.DeactivateOnIdle();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The partitions of group {Group} were assigned to {Members} members at group epoch {Epoch}")]
    private partial void LogAssigned(string group, int members, long epoch);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The state of group {Group} could not be kept by this activation; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, string group, int failures);
}
