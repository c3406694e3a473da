using OrleansStream.Client.Administration;
using OrleansStream.Client.Records;
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
                    await member.CommitAsync(cancellationToken).ConfigureAwait(false);
                    await member.LeaveAsync(cancellationToken).ConfigureAwait(false);
                    await seek.Turn.BeginAsync(cancellationToken).ConfigureAwait(false);
                    await ResetAsync(seek.Position, cancellationToken).ConfigureAwait(false);
                }).ConfigureAwait(false);
                continue;
            }

            if (_control.IsPaused)
            {
                await member.CommitAsync(cancellationToken).ConfigureAwait(false);
                await ConsumerControl.WaitAsync(
                    _options.Lease / ConsumerLimits.RenewalsPerLease, member.Time, interrupted, cancellationToken).ConfigureAwait(false);
                continue;
            }

            try
            {
                await member.PollAsync(interrupted, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It is told something. An answer that was under way comes again.
            }
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
