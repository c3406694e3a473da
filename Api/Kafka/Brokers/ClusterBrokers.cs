using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using OrleansStream.Cluster;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Kafka.Messages;
using OrleansStream.Partitions;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Kafka.Brokers;

/// <summary>The brokers of the cluster as this process knows them. A process without a silo knows only itself, and leads everything.</summary>
/// <remarks>
/// Each active silo is asked once where its clients connect, and again while it serves none. Wherever this process is not sure who leads a partition,
/// it serves the partition itself: it reaches every one, and only needs a call more. Safe to call from any thread.
/// </remarks>
/// <param name="own">This process as a broker.</param>
/// <param name="others">Asks the other silos.</param>
/// <param name="time">Times the wait for the silos, and tells how old their answers are.</param>
/// <param name="logger">Told of brokers that cannot be told apart.</param>
/// <param name="silos">The silos of the cluster; null where this process has none.</param>
/// <param name="topics">The topics that this process has asked for lately; null where it calls the grains for all.</param>
internal sealed partial class ClusterBrokers(
    LocalBroker own, SiloCalls others, TimeProvider time, ILogger<ClusterBrokers> logger, ILiveSilos? silos = null, ILocalTopics? topics = null)
{
    private readonly ConcurrentDictionary<SiloAddress, Question> _questions = new();
    private readonly Lock _gate = new();
    private volatile Known? _known;
    private volatile int _answers;

    /// <summary>The id of this process as a broker.</summary>
    public int OwnId => own.NodeId;

    /// <summary>
    /// The silo of this process, when clients can reach each silo by a broker of its own: they then find the leader of a partition, and this process
    /// need not pass anything on to it. Null when a silo has told that it has no broker, or several silos have one address. A silo that is starting
    /// counts as a broker: it tells where it listens in a moment, and until then its clients ask again.
    /// </summary>
    public SiloAddress? FindRequiredLeader() =>
        silos is not null && (silos.Active.Count <= 1 || Refresh().HasBrokerForEachSilo) ? silos.Own : null;

    /// <summary>The brokers now. Silos that have just joined are waited for, for a moment.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<BrokerView> GetAsync(CancellationToken cancellationToken)
    {
        Refresh();
        Task[] open = [.. _questions.Values.Where(question => question is { Answered: 0 }).Select(question => question.Answer)];
        if (open.Length > 0)
        {
            await Task.WhenAll(open).WaitAsync(BrokerLimits.NewSiloWait, time, cancellationToken).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing);
        }

        return Refresh();
    }

    /// <summary>The brokers as a client is told of them.</summary>
    /// <param name="view">The brokers.</param>
    /// <param name="reached">The address that the client has reached here.</param>
    public MetadataBroker[] Tell(BrokerView view, EndPoint? reached) =>
        [.. view.Brokers.Select(broker => broker.NodeId == own.NodeId
            ? new MetadataBroker(broker.NodeId, own.HostFor(reached), own.Port)
            : new MetadataBroker(broker.NodeId, broker.Host, broker.Port))];

    /// <summary>The broker that leads a partition, when that is certainly another one.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="id">The topic's id; empty when it is not known.</param>
    /// <param name="partition">The partition's number.</param>
    /// <returns>Null when this process may lead it.</returns>
    public BrokerAddress? FindOtherLeader(string topic, Guid id, int partition)
    {
        if (silos is not { Active.Count: > 1 } || Refresh() is not { Brokers.Count: > 1 } view)
            return null;
        if (id == Guid.Empty)
        {
            if (topics?.FindKnown(topic) is not { } known || (uint)partition >= (uint)known.PartitionCount)
                return null;
            id = known.Id;
        }

        var key = new PartitionKey(id, partition);
        // A partition that is to move stays with its leader for a while.
        if (topics?.Leads(key) == true)
            return null;
        var leader = view.LeaderOf(key);
        return leader.NodeId == own.NodeId ? null : leader;
    }

    /// <summary>Another broker as the leader of a partition. Its epoch is the leader's to tell.</summary>
    /// <param name="other">The broker.</param>
    public static PartitionLeader TellLeader(BrokerAddress other) =>
        new(new MetadataBroker(other.NodeId, other.Host, other.Port), LeaderEpochs.Unknown);

    /// <summary>This broker as the leader of a partition.</summary>
    /// <param name="reached">The address that the client has reached here.</param>
    /// <param name="epoch">Its epoch.</param>
    public PartitionLeader TellOwn(EndPoint? reached, int epoch) => new(new MetadataBroker(own.NodeId, own.HostFor(reached), own.Port), epoch);

    /// <summary>Takes note of silos that have come or gone, asks those that are not known, and returns the brokers that are.</summary>
    private BrokerView Refresh()
    {
        var address = own.Address ?? new BrokerAddress(own.NodeId, own.HostFor(reached: null), own.Port);
        if (silos is not { Active: { Count: > 1 } active })
            return new BrokerView(address, silos?.Active ?? []);
        var answers = _answers;
        if (FindKnown(active, answers, address) is { } known && (known.IsWhole || time.GetElapsedTime(known.At) < BrokerLimits.AskAgainAfter))
            return known.View;
        lock (_gate)
        {
            foreach (var gone in _questions.Keys.Where(silo => !active.Contains(silo)))
                _questions.TryRemove(gone, out _);
            foreach (var silo in active)
                Ask(silo);
            return Build(active, answers, address);
        }
    }

    private BrokerView Build(IReadOnlyList<SiloAddress> active, int answers, BrokerAddress address)
    {
        var addresses = new Dictionary<SiloAddress, BrokerAddress> { [silos!.Own] = address };
        foreach (var (silo, question) in _questions)
        {
            if (question.Address is { } other)
                addresses[silo] = other;
        }

        foreach (var (silo, other) in addresses)
        {
            if (other.NodeId == address.NodeId && (other.Host, other.Port) != (address.Host, address.Port))
                LogSameId(other.NodeId, silo, other.Host, other.Port);
        }

        var view = new BrokerView(active, addresses)
        {
            HasBrokerForEachSilo = active.All(silo => _questions.GetValueOrDefault(silo) is not { HasNone: true })
                && addresses.Values.DistinctBy(broker => broker.NodeId).Count() == addresses.Count,
        };
        _known = new Known(active, answers, address, time.GetTimestamp(), IsWhole: addresses.Count == active.Count, view);
        return view;
    }

    private Known? FindKnown(IReadOnlyList<SiloAddress> active, int answers, BrokerAddress address) =>
        _known is { } known && ReferenceEquals(known.Silos, active) && known.Answers == answers && known.Own == address ? known : null;

    private void Ask(SiloAddress silo)
    {
        if (silo.Equals(silos!.Own))
            return;
        var question = _questions.GetOrAdd(silo, _ => new Question());
        if (question is not { Address: null, Answer.IsCompleted: true })
            return;
        if (question.Answered == 0 || time.GetElapsedTime(question.AskedAt) >= BrokerLimits.AskAgainAfter)
        {
            question.AskedAt = time.GetTimestamp();
            question.Answer = Task.Run(() => AskAsync(silo, question));
        }
    }

    private async Task AskAsync(SiloAddress silo, Question question)
    {
        var (found, hasNone) = await others.FindBrokerAsync(silo, BrokerLimits.AnswerMax);
        question.Address = found;
        // What it has told holds until it tells otherwise: a silo that is slow for once still has no broker.
        question.HasNone = hasNone ?? question.HasNone;
        question.Answered++;
        Interlocked.Increment(ref _answers);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Kafka clients cannot tell this broker from silo {Silo}, at {Host}:{Port}: both have the id {NodeId}. Set OrleansStream:Kafka:NodeId to another for one of them")]
    private partial void LogSameId(int nodeId, SiloAddress silo, string host, int port);

    /// <param name="Silos">The active silos.</param>
    /// <param name="Answers">How many answers there were.</param>
    /// <param name="Own">This broker.</param>
    /// <param name="At">When it was built, in ticks of the clock's timestamps.</param>
    /// <param name="IsWhole">True when all silos are brokers.</param>
    /// <param name="View">What is known of the brokers by these.</param>
    private sealed record Known(IReadOnlyList<SiloAddress> Silos, int Answers, BrokerAddress Own, long At, bool IsWhole, BrokerView View);

    /// <summary>What a silo was asked.</summary>
    private sealed class Question
    {
        private volatile BrokerAddress? _address;
        private volatile bool _hasNone;
        private volatile int _answered;

        /// <summary>Ends with the answer, and never fails.</summary>
        public Task Answer { get; set; } = Task.CompletedTask;

        /// <summary>When it was asked last, in ticks of the clock's timestamps.</summary>
        public long AskedAt { get; set; }

        /// <summary>How often it was asked to the end.</summary>
        public int Answered
        {
            get => _answered;
            set => _answered = value;
        }

        /// <summary>True when it has told that it serves no Kafka clients.</summary>
        public bool HasNone
        {
            get => _hasNone;
            set => _hasNone = value;
        }

        /// <summary>Where its clients connect; null when that is not known.</summary>
        public BrokerAddress? Address
        {
            get => _address;
            set => _address = value;
        }
    }
}
