using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells committed offsets; -1 where there is none, and for what there is not.</summary>
/// <param name="groups">The groups.</param>
internal sealed class OffsetFetchHandler(GroupCoordinator groups) : IRequestHandler
{
    private const long NoOffset = -1;

    /// <inheritdoc/>
    public ApiRange Api => OffsetFetchRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = OffsetFetchRequest.Read(call.OpenBody(), call.Version);
        var results = new OffsetFetchResult[request.Groups.Length];
        for (var i = 0; i < results.Length; i++)
        {
            var wanted = request.Groups[i];
            results[i] = await GroupCalls.AskAsync(call, wanted.Group, () => FetchAsync(wanted, call), error => Tell(wanted, error, []));
        }

        new OffsetFetchAnswer(results).Write(call.Answer, call.Version);
    }

    private async Task<OffsetFetchResult> FetchAsync(OffsetFetchGroup wanted, KafkaCall call)
    {
        var group = await groups.FindAsync(call.Caller, wanted.Group, call.Closed);
        return Tell(wanted, group is null ? KafkaError.None : CheckMember(wanted, group), group?.Offsets ?? []);
    }

    private static KafkaError CheckMember(in OffsetFetchGroup wanted, GroupDescription group)
    {
        if (wanted.Member is not { Length: > 0 } member || wanted.MemberEpoch < 0 || group.IsClassic)
            return KafkaError.None;
        var known = group.Members.FirstOrDefault(one => one.Member == member);
        return known is null ? KafkaError.UnknownMemberId : wanted.MemberEpoch > known.Epoch ? KafkaError.StaleMemberEpoch : KafkaError.None;
    }

    private static OffsetFetchResult Tell(in OffsetFetchGroup wanted, KafkaError error, IReadOnlyList<GroupOffset> offsets)
    {
        var topics = offsets.GroupBy(offset => offset.Topic, StringComparer.Ordinal).ToDictionary(topic => topic.Key, StringComparer.Ordinal);
        if (wanted.Topics is not { } asked)
        {
            return new OffsetFetchResult(wanted.Group, error,
                error != KafkaError.None ? [] : [.. topics.Values.Select(topic => new OffsetFetchTopicResult(topic.Key, [.. topic.Select(Tell)]))]);
        }

        return new OffsetFetchResult(wanted.Group, error, [.. asked.Select(topic =>
        {
            var known = error == KafkaError.None && topics.TryGetValue(topic.Name, out var found) ? found.ToDictionary(offset => offset.Partition)
                : [];
            return new OffsetFetchTopicResult(topic.Name, [.. topic.Partitions.Select(
                index => known.TryGetValue(index, out var offset) ? Tell(offset) : new OffsetFetchPartition(index, NoOffset, ""))]);
        })]);
    }

    private static OffsetFetchPartition Tell(GroupOffset offset) => new(offset.Partition, offset.Offset, offset.Metadata);
}
