using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Consuming;

/// <summary>The steps of a run: join, poll, read, leave.</summary>
public sealed partial class StreamConsumer<T>
{
    /// <summary>Gets the next records, and does what it is told meanwhile.</summary>
    private async Task PollAsync(GroupMember member, CancellationToken cancellationToken)
    {
        while (true)
        {
            var interrupted = _control.Interrupted;
            if (_control.Take() is { } seek)
            {
                await seek.RunAsync(async () =>
                {
                    await CommitBeforeSeekAsync(member, cancellationToken).ConfigureAwait(false);
                    await member.LeaveAsync(cancellationToken).ConfigureAwait(false);
                    await seek.Turn.BeginAsync(cancellationToken).ConfigureAwait(false);
                    await ResetAsync(seek.Position, cancellationToken).ConfigureAwait(false);
                }).ConfigureAwait(false);
                continue;
            }

            using var either = CancellationTokenSource.CreateLinkedTokenSource(interrupted, cancellationToken);
            try
            {
                // What is told in an outage is heard in it, also before the group has its policy.
                await member.SetPolicyAsync(either.Token).ConfigureAwait(false);
                if (!_control.IsPaused)
                {
                    await member.PollAsync(either.Token, cancellationToken).ConfigureAwait(false);
                    return;
                }

                await member.CommitAsync(either.Token).ConfigureAwait(false);
                await Task.Delay(_options.Lease / ConsumerLimits.RenewalsPerLease, member.Time, either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It is told something. An answer that was under way comes again.
            }
        }
    }

    // A commit is tried until it succeeds, and whoever asks for a seek is to learn of an outage. What is not committed by then, the next poll
    // commits.
    private static async Task CommitBeforeSeekAsync(GroupMember member, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(ConsumerLimits.StopMax, member.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            await member.CommitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StreamServiceException(
                $"The offsets of group '{member.Group}' were not moved: what is done with could not be committed before, for "
                + $"{ConsumerLimits.StopMax.TotalSeconds:F0} s.", exception)
            {
                ErrorCode = StreamServiceException.NetworkException,
                IsRetriable = true,
            };
        }
    }

    private Task<OffsetsResetAnswer> ResetAsync(GroupPosition position, CancellationToken cancellationToken) =>
        new GroupAdmin(new AdminCalls(_connection)).ResetOffsetsAsync(Group, position, _topics, cancellationToken: cancellationToken);

    private GroupMember Join()
    {
        var member = new GroupMember(_connection, Group, _topics, _options);
        member.PartitionsChanged += (assigned, revoked, lost) =>
        {
            Tell(PartitionsLost, lost);
            Tell(PartitionsRevoked, revoked);
            Tell(PartitionsAssigned, assigned);
        };
        if (Interlocked.CompareExchange(ref _member, member, null) is not null)
        {
            member.Dispose();
            throw new InvalidOperationException("The consumer runs already. Make another one for another member.");
        }

        _control.Begin();
        return member;
    }

    private void Tell(EventHandler<PartitionsEventArgs>? tell, IReadOnlyList<TopicPartition> partitions)
    {
        if (partitions.Count == 0)
            return;
        var ordered = partitions.OrderBy(partition => partition.Topic, StringComparer.Ordinal).ThenBy(partition => partition.Partition);
        tell?.Invoke(this, new PartitionsEventArgs([.. ordered]));
    }

    /// <summary>Reads a record of the answer; null for one that is not delivered, which is done with.</summary>
    private async ValueTask<ConsumedRecord<T>?> ReadAsync(GroupMember member, AnswerProgress progress, int index, CancellationToken cancellationToken)
    {
        var record = member.Records[index];
        // The service told that these bytes cannot be read by anybody.
        if (record.Unreadable is { } reason)
        {
            member.PassOver(record, reason);
            OffsetsUnreadable?.Invoke(
                this, new UnreadableOffsetsEventArgs(record.Place.Topic, record.Place.Partition, record.Place.Offset, record.LastOffset, reason));
            progress.Complete(index);
            return null;
        }

        if (progress.LeavesAlone(index))
            return null;
        T? value;
        try
        {
            value = record.Value is { } bytes ? _serializer.Deserialize(bytes.Span) : default;
        }
        catch (Exception exception) when (_options.FailureAction == FailureAction.Fail)
        {
            await progress.FailPatientlyAsync(
                index, record.Place, record.Key, $"The value cannot be read: {exception.Message}", cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (Exception exception)
        {
            // The program gets the serializer's own exception, which does not know the record.
            var place = record.Place;
            ClientLog.ValueCannotBeRead(_connection.Log, place.Topic, place.Partition, place.Offset, exception.GetType().Name);
            throw;
        }

        return new ConsumedRecord<T>(record, value, progress, index);
    }

    private async Task LeaveAsync(GroupMember member, AnswerProgress? progress, CancellationToken abandon)
    {
        progress?.Close();
        try
        {
            try
            {
                if (progress is { IsOver: false })
                    await member.CommitProgressAsync(progress, abandon).ConfigureAwait(false);
            }
            finally
            {
                await member.HandOverAsync(abandon).ConfigureAwait(false);
            }
        }
        finally
        {
            progress?.End();
            _control.End();
            Volatile.Write(ref _member, null);
        }
    }
}
