using Orleans.Concurrency;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>The owner of one topic's partition count and settings. Key: the topic's name.</summary>
/// <remarks>Every answer comes after the compare-and-swap of its state, so the etag fences a stale activation.</remarks>
[Alias("os.ITopicGrain")]
public interface ITopicGrain : IGrainWithStringKey
{
    /// <summary>Creates the topic, or finds it if it is as requested.</summary>
    /// <param name="request">The wanted partitions and settings.</param>
    /// <returns>
    /// The topic; or <see cref="StreamErrorCode.TopicAlreadyExists"/> when one exists that differs; or what is wrong with the request.
    /// </returns>
    [Alias("CreateAsync")]
    Task<TopicResponse> CreateAsync(CreateTopicRequest request);

    /// <summary>The topic as it is now. The call interleaves, so that a partition may ask while the topic is being changed.</summary>
    /// <returns>The topic, or <see cref="StreamErrorCode.UnknownTopicOrPartition"/>.</returns>
    [Alias("GetAsync"), AlwaysInterleave]
    Task<TopicResponse> GetAsync();

    /// <summary>Changes settings or adds partitions.</summary>
    /// <param name="request">The change.</param>
    /// <returns>The changed topic; or what is wrong with the request, and then nothing was changed.</returns>
    [Alias("AlterAsync")]
    Task<TopicResponse> AlterAsync(AlterTopicRequest request);

    /// <summary>
    /// Deletes the topic. When this returns, its name is free and its records cannot be read. Its bytes are freed in the background, also after a
    /// crash.
    /// </summary>
    /// <returns>Null, or <see cref="StreamErrorCode.UnknownTopicOrPartition"/>.</returns>
    [Alias("DeleteAsync")]
    Task<StreamError?> DeleteAsync();
}
