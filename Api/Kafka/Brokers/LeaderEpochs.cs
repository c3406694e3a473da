using System.Collections.Immutable;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Partitions;

namespace OrleansStream.Kafka.Brokers;

/// <summary>
/// The leaders of partitions and their epochs (KIP-320): asked of the silos, and compared with what clients know. Safe for any thread.
/// </summary>
/// <param name="silos">Asks the silos.</param>
/// <param name="time">Times the wait for the silos.</param>
internal sealed class LeaderEpochs(SiloCalls silos, TimeProvider time)
{
    /// <summary>Stands for an epoch that is not known.</summary>
    public const int Unknown = -1;

    /// <summary>
    /// Finds out which silos lead the partitions of some topics. A partition has no entry while no silo has it open, or its leader does not answer at
    /// once. After silos have come or gone, partitions stay with their leaders for a while, so clients that were sent to the homes would be refused
    /// there.
    /// </summary>
    /// <param name="topics">The topics.</param>
    /// <param name="view">The brokers.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public async Task<IReadOnlyDictionary<PartitionKey, KnownLeader>> FindAsync(
        IReadOnlyList<MetadataTopic> topics, BrokerView view, CancellationToken cancellationToken)
    {
        ImmutableArray<PartitionKey> keys =
        [
            .. topics.SelectMany(topic => Enumerable.Range(0, topic.PartitionCount).Select(partition => new PartitionKey(topic.Id, partition)))
                .Take(BrokerLimits.LeadersAskedMax),
        ];
        var leaders = new Dictionary<PartitionKey, KnownLeader>();
        if (keys.IsEmpty)
            return leaders;
        var answers = view.Silos.Select(silo => (Silo: silo, Epochs: silos.FindLeaderEpochsAsync(silo, keys))).ToList();
        await Task.WhenAll(answers.Select(answer => (Task)answer.Epochs)).WaitAsync(BrokerLimits.LeadersWait, time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var (silo, answer) in answers)
        {
            if (!answer.IsCompletedSuccessfully)
                continue;
            var epochs = await answer;
            for (var i = 0; i < epochs.Length; i++)
            {
                // A silo that was declared dead and does not know it yet may still have the log of an earlier epoch open.
                if (epochs[i] > leaders.GetValueOrDefault(keys[i]).Epoch)
                    leaders[keys[i]] = new KnownLeader(silo, epochs[i]);
            }
        }

        return leaders;
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

/// <summary>The leader of a partition.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Epoch">Its epoch, at least 1.</param>
internal readonly record struct KnownLeader(SiloAddress Silo, int Epoch);
