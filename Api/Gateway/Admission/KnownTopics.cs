using System.Collections.Concurrent;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>
/// Refuses names that are no topic's before any grain is made for them: those would stay for minutes, and whoever asks for names that do not
/// exist would fill the memory with them.
/// </summary>
/// <remarks>
/// Only that a topic exists is remembered, for <see cref="AdmissionLimits.TopicKnownAge"/>. That one does not is asked each time of the catalogue, whose
/// entry makes a topic exist: a topic is there for everybody from the answer to its creation on. Safe for any thread.
/// </remarks>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the catalogue.</param>
/// <param name="time">The clock.</param>
public sealed class KnownTopics(AccessControl access, IGrainFactory grains, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, long> _knownAt = new(StringComparer.Ordinal);

    /// <summary>True when a topic was there lately.</summary>
    /// <param name="name">The topic's name.</param>
    public bool IsKnown(string name) => _knownAt.TryGetValue(name, out var at) && time.GetElapsedTime(at) < AdmissionLimits.TopicKnownAge;

    /// <summary>Makes sure that there is a topic. Whoever may do nothing with it is not told whether there is.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="StreamException">There is none, or the caller may do nothing with it.</exception>
    public async ValueTask RequireAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Describe, name, "Describe");
        if (IsKnown(name))
            return;
        TopicMetadata? topic;
        try
        {
            topic = await grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key)
                .FindAsync(name).WaitAsync(AdmissionLimits.TopicLookupMax, time, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // A catalogue that is moving must not hold up those who read and write: the topic itself answers.
            return;
        }

        if (topic is null)
            throw new StreamException(new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{name}'."));
        if (_knownAt.Count >= AdmissionLimits.TopicsKnownMax)
            _knownAt.Clear();
        _knownAt[name] = time.GetTimestamp();
    }
}
