using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>Deletes a group with the retry topics that it created. The topics of dead letters stay, so that people can examine them.</summary>
/// <param name="group">The group.</param>
/// <param name="redrive">Its redrive, which ends first.</param>
/// <param name="grains">Reaches the retry topics.</param>
internal sealed class GroupDeletion(StoredGroup group, GroupRedrive redrive, IGrainFactory grains)
{
    private int _underWay;

    /// <inheritdoc cref="IConsumerGroupGrain.DeleteAsync"/>
    public async Task<StreamError?> DeleteAsync()
    {
        await group.BeginAsync(mayCreate: false);
        var refusal = group.Take(group.State.MayDelete(group.Now()));
        if (refusal is null)
        {
            // The retry topics are deleted first. After a crash in between, the group is still there and can be deleted again.
            Count(+1);
            try
            {
                await redrive.EndAsync();
                await DeleteRetryTopicsAsync();
                refusal = group.Take(group.State.Delete(group.Now()));
            }
            finally
            {
                Count(-1);
                redrive.KeepGoing();
            }
        }

        await group.FlushAsync();
        if (refusal is null)
            await group.ForgetAsync();
        return GroupConversions.ToError(refusal);
    }

    private void Count(int difference)
    {
        _underWay += difference;
        group.IsBeingDeleted = _underWay > 0;
    }

    private async Task DeleteRetryTopicsAsync()
    {
        try
        {
            foreach (var name in group.State.OwnRetryTopics)
            {
                var error = await grains.GetGrain<ITopicGrain>(name).DeleteAsync();
                if (error is { Code: StreamErrorCode.RequestTimedOut })
                    throw Unanswered(error.Detail);
                if (error is not null && error.Code != StreamErrorCode.UnknownTopicOrPartition)
                    throw new StreamException(error);
            }
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            throw Unanswered(e.Message);
        }
    }

    private static StreamException Unanswered(string detail) => new(new StreamError(
        StreamErrorCode.CoordinatorNotAvailable, $"The owner of a retry topic did not answer; the group is not deleted. {detail}"));
}
