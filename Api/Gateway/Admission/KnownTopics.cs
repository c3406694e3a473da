using System.Collections.Concurrent;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>
/// Refuses names of topics that do not exist before any grain is activated for them. Such grains would stay for minutes, and requests with invented
/// names would fill the memory with them.
/// </summary>
/// <remarks>
/// Existing topics are remembered for <see cref="AdmissionLimits.TopicKnownAge"/>. For any other name the catalogue is asked each time. A topic
/// exists by its entry in the catalogue, so every node finds it as soon as its creation was answered. Safe for any thread.
/// </remarks>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the catalogue.</param>
/// <param name="time">Tells how long a topic has been known, and times the question for one.</param>
public sealed class KnownTopics(AccessControl access, IGrainFactory grains, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, long> _knownAt = new(StringComparer.Ordinal);

    /// <summary>True when the topic existed a short time ago.</summary>
    /// <param name="name">The topic's name.</param>
    public bool IsKnown(string name) => _knownAt.TryGetValue(name, out var at) && time.GetElapsedTime(at) < AdmissionLimits.TopicKnownAge;

    /// <summary>Verifies that a topic exists. A caller without any right to it is not told whether it exists.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="cancellationToken">Ends the call.</param>
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
        catch (Exception exception) when (exception is not OperationCanceledException || LostCalls.IsLost(exception, cancellationToken))
        {
            // A catalogue that moves must not delay readers and writers, so the request goes on and the topic itself answers.
            return;
        }

        if (topic is null)
            throw new StreamException(new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{name}'."));
        if (_knownAt.Count >= AdmissionLimits.TopicsKnownMax)
            _knownAt.Clear();
        _knownAt[name] = time.GetTimestamp();
    }
}
