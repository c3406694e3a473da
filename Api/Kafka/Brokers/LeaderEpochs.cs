using OrleansStream.Gateway.Cluster;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Partitions;

namespace OrleansStream.Kafka.Brokers;

/// <summary>The epochs by which partitions are led (KIP-320): asked of their leaders, and compared with what clients know. Safe for any thread.</summary>
/// <param name="silos">Asks the silos.</param>
/// <param name="time">The clock.</param>
internal sealed class LeaderEpochs(SiloCalls silos, TimeProvider time)
{
    /// <summary>Stands for an epoch that is not known: clients then compare none.</summary>
    public const int Unknown = -1;

    /// <summary>Asks for the epochs of all partitions of some topics. One whose leader does not answer at once, or does not have it open, has none.</summary>
    /// <param name="topics">The topics.</param>
    /// <param name="view">The brokers.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyDictionary<PartitionKey, int>> FindAsync(
        IReadOnlyList<MetadataTopic> topics, BrokerView view, CancellationToken cancellationToken)
    {
        var asked = new Dictionary<SiloAddress, List<PartitionKey>>();
        foreach (var topic in topics)
        {
            for (var partition = 0; partition < topic.PartitionCount; partition++)
            {
                var key = new PartitionKey(topic.Id, partition);
                if (view.HomeOf(key) is not { } home)
                    continue;
                if (!asked.TryGetValue(home, out var keys))
                    asked[home] = keys = [];
                if (keys.Count < BrokerLimits.EpochsAskedMax)
                    keys.Add(key);
            }
        }

        var answers = asked.Select(silo => (Keys: silo.Value, Epochs: silos.FindLeaderEpochsAsync(silo.Key, [.. silo.Value]))).ToList();
        await Task.WhenAll(answers.Select(answer => (Task)answer.Epochs)).WaitAsync(BrokerLimits.EpochsWait, time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var epochs = new Dictionary<PartitionKey, int>();
        foreach (var (keys, answer) in answers)
        {
            if (!answer.IsCompletedSuccessfully)
                continue;
            var found = await answer;
            for (var i = 0; i < found.Length; i++)
                epochs[keys[i]] = ToKafka(found[i]);
        }

        return epochs;
    }

    /// <summary>An epoch as clients are told it.</summary>
    /// <param name="epoch">The epoch; 0 when it is not known.</param>
    public static int ToKafka(int epoch) => epoch > 0 ? epoch : Unknown;

    /// <summary>Compares the epoch that a client knows with the leader's, as Kafka does.</summary>
    /// <param name="known">What the client knows; -1 for nothing.</param>
    /// <param name="leader">The leader's; 0 when it is not known.</param>
    /// <returns>The error that has the client ask for the leader anew.</returns>
    public static KafkaError Compare(int known, int leader) => known < 0 || leader <= 0 || known == leader
        ? KafkaError.None
        : known < leader ? KafkaError.FencedLeaderEpoch : KafkaError.UnknownLeaderEpoch;
}
