using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Errors;
using OrleansStream.Randomness;

namespace OrleansStream.Groups;

/// <summary>Copies failed records and dead letters. It has no state, so any number of activations may run.</summary>
/// <remarks>Reentrant: its fields are set at its activation only.</remarks>
[StatelessWorker, Reentrant, GrainType("group-retry")]
internal sealed class GroupRetryGrain(TimeProvider time, RandomSource random) : Grain, IGroupRetryGrain
{
    private RetryTopicAccess _topics = null!;
    private RetryCopies _copies = null!;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _topics = new RetryTopicAccess(this.GetPrimaryKeyString(), GrainFactory);
        _copies = new RetryCopies(this.GetPrimaryKeyString(), time, random);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> failed, CancellationToken cancellationToken)
    {
        foreach (var some in failed.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            var errors = await Task.WhenAll(some.Select(record => MoveAsync(policy, record, cancellationToken)));
            if (Array.Find(errors, error => error is not null) is { } first)
                return first;
        }

        return null;
    }

    /// <inheritdoc/>
    public Task<RedriveStepResponse> RedriveAsync(RedriveStep request, CancellationToken cancellationToken) =>
        new RedriveStepRun(_topics, _copies).RunAsync(request, cancellationToken);

    private async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, FailedRecord failed, CancellationToken cancellationToken)
    {
        var fetched = await _topics.FetchAsync(failed.Topic, failed.TopicId, failed.Partition, failed.Offset, bytesMax: 1, cancellationToken);
        var isDeleted = fetched.Error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start } && start > failed.Offset;
        if (isDeleted || await _topics.IsGoneAsync(failed.Topic, failed.TopicId, fetched.Error))
            return null;
        if (fetched.Error is { } error)
            return error;
        var copy = _copies.CopyOf(policy, failed, fetched, out var unreadable);
        if (copy is null)
            return unreadable;
        var refusal = await _topics.AppendAsync(copy, policy, cancellationToken);
        // The group did not create the topic that the policy names, and its limit may be lower.
        if (RetryTopicAccess.IsTooLarge(refusal) && copy.Topic != copy.OwnDeadLetters && copy.Topic == policy.DeadLetterTopic)
            refusal = await _topics.AppendAsync(copy with { Topic = copy.OwnDeadLetters }, policy, cancellationToken);
        return RetryTopicAccess.IsTooLarge(refusal) ? failed.TooLarge(refusal!) : refusal;
    }
}
