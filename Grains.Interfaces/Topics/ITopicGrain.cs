using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>Owner of one topic's partition count and settings. Key: the topic's name.</summary>
/// <remarks>Nothing is answered before the compare-and-swap of its state, so a stale activation is fenced by its etag.</remarks>
[Alias("os.ITopicGrain")]
public interface ITopicGrain : IGrainWithStringKey
{
    /// <summary>Creates the topic, or finds it as it was asked for.</summary>
    /// <param name="request">What it shall be.</param>
    /// <returns>
    /// The topic; or <see cref="StreamErrorCode.TopicAlreadyExists"/> when one exists that differs, or what is wrong with the request.
    /// </returns>
    [Alias("CreateAsync")]
    Task<TopicResponse> CreateAsync(CreateTopicRequest request);

    /// <summary>The topic as it is now. Interleaves, so that a partition may ask while the topic is being changed.</summary>
    /// <returns>The topic, or <see cref="StreamErrorCode.UnknownTopicOrPartition"/>.</returns>
    [Alias("GetAsync"), AlwaysInterleave]
    Task<TopicResponse> GetAsync();

    /// <summary>Changes settings or adds partitions.</summary>
    /// <param name="request">The change.</param>
    /// <returns>The topic after it, or what is wrong with the request: then nothing was changed.</returns>
    [Alias("AlterAsync")]
    Task<TopicResponse> AlterAsync(AlterTopicRequest request);

    /// <summary>
    /// Deletes the topic. From the answer on its name is free and its records cannot be read; its bytes are freed in the
    /// background, also across a crash.
    /// </summary>
    /// <returns>Null, or <see cref="StreamErrorCode.UnknownTopicOrPartition"/>.</returns>
    [Alias("DeleteAsync")]
    Task<StreamError?> DeleteAsync();
}
