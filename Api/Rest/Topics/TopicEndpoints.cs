using OrleansStream.Contracts;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Topics;

/// <summary>Create, list, read, change and delete topics.</summary>
/// <param name="grains">The way to the grains.</param>
internal sealed class TopicEndpoints(IGrainFactory grains)
{
    private const string BeforeOffset = "before_offset";

    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        TopicEndpoints topics = routes.ServiceProvider.GetRequiredService<TopicEndpoints>();
        routes.MapOperation("PUT", "/topics/{topic}", topics.PutAsync, TopicOperations.Put);
        routes.MapOperation("GET", "/topics", topics.ListAsync, TopicOperations.List);
        routes.MapOperation("GET", "/topics/{topic}", topics.GetAsync, TopicOperations.Get);
        routes.MapOperation("PATCH", "/topics/{topic}", topics.PatchAsync, TopicOperations.Patch);
        routes.MapOperation("DELETE", "/topics/{topic}", topics.DeleteAsync, TopicOperations.Delete);
        routes.MapOperation("GET", "/topics/{topic}/partitions", topics.ListPartitionsAsync, TopicOperations.Partitions);
        routes.MapOperation("GET", "/topics/{topic}/load", topics.GetLoadAsync, TopicOperations.Load);
        routes.MapOperation(
            "DELETE", "/topics/{topic}/partitions/{partition}/records", topics.DeleteRecordsAsync, TopicOperations.DeleteRecords);
    }

    private ITopicGrain Topic(HttpContext context) => grains.GetGrain<ITopicGrain>(Parameters.Topic(context));

    private async Task PutAsync(HttpContext context)
    {
        using RequestBody body = await RequestBody.ReadAsync(context, TopicRequestLimits.TopicBodyBytesMax);
        CreateTopicRequest request = TopicJson.ParseCreate(body.Json.Span);
        TopicResponse response = await Topic(context).CreateAsync(request).WaitAsync(context.RequestAborted);
        context.Response.StatusCode = response.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        await WriteTopicAsync(context, response);
    }

    private async Task GetAsync(HttpContext context) =>
        await WriteTopicAsync(context, await Topic(context).GetAsync().WaitAsync(context.RequestAborted));

    private async Task PatchAsync(HttpContext context)
    {
        using RequestBody body = await RequestBody.ReadAsync(context, TopicRequestLimits.TopicBodyBytesMax);
        AlterTopicRequest request = TopicJson.ParseAlter(body.Json.Span);
        await WriteTopicAsync(context, await Topic(context).AlterAsync(request).WaitAsync(context.RequestAborted));
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (await Topic(context).DeleteAsync().WaitAsync(context.RequestAborted) is { } error)
            throw new RequestException(error);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ListAsync(HttpContext context)
    {
        int limit = Parameters.Integer(context, "limit", 1, TopicRequestLimits.TopicPageMax, TopicRequestLimits.TopicPageDefault);
        string prefix = Parameters.Text(context, "prefix") ?? "";
        string? after = Parameters.Text(context, "after");
        CheckLength("prefix", prefix);
        CheckLength("after", after ?? "");
        CatalogPage page = await grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key)
            .ListAsync(prefix, after, limit).WaitAsync(context.RequestAborted);
        var answer = new TopicListAnswer
        {
            Topics = [.. page.Topics.Select(t => new TopicListEntry { Name = t.Name, Id = t.Id, CreatedAt = t.CreatedAt })],
            NextAfter = page.NextAfter,
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.TopicListAnswer);
    }

    private async Task ListPartitionsAsync(HttpContext context)
    {
        TopicDescription topic = await grains.GetGrain<ITopicRouterGrain>(Parameters.Topic(context))
            .DescribeAsync(context.RequestAborted);
        if (topic.Error is { } error)
            throw new RequestException(error);
        var answer = new PartitionListAnswer
        {
            Partitions = [.. topic.Partitions.Select(ToAnswer)],
            SizeBytes = topic.Partitions.Sum(partition => partition.SizeBytes),
            DeletingBytes = topic.Partitions.Sum(partition => partition.DeletingBytes),
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.PartitionListAnswer);
    }

    private async Task GetLoadAsync(HttpContext context)
    {
        string name = Parameters.Topic(context);
        TopicDescription topic = await grains.GetGrain<ITopicRouterGrain>(name).DescribeAsync(context.RequestAborted);
        if (topic.Error is { } error)
            throw new RequestException(error);
        HeatDescription heat = await grains.GetGrain<ITopicHeatGrain>(name).DescribeAsync().WaitAsync(context.RequestAborted);
        await JsonAnswer.WriteAsync(context, LoadJson.ToAnswer(topic, heat), ApiJsonContext.Api.TopicLoadAnswer);
    }

    private async Task DeleteRecordsAsync(HttpContext context)
    {
        string before = Parameters.Text(context, BeforeOffset)
            ?? throw RequestException.Malformed(BeforeOffset, $"'{BeforeOffset}' is missing; give the first offset to keep, or latest.");
        long offset = before == "latest"
            ? Partitions.FetchRequest.Latest
            : Parameters.Integer(BeforeOffset, before, 0, long.MaxValue);
        int number = Parameters.Partition(context);
        ITopicRouterGrain router = grains.GetGrain<ITopicRouterGrain>(Parameters.Topic(context));
        Partitions.PartitionDescription partition = Parameters.TopicId(context) is { } topicId
            ? await router.DeleteRecordsOfAsync(topicId, number, offset, context.RequestAborted)
            : await router.DeleteRecordsAsync(number, offset, context.RequestAborted);
        if (partition.Error is { } error)
            throw new RequestException(error);
        var answer = new DeleteRecordsAnswer { Partition = partition.Partition, LowWatermark = partition.LogStartOffset };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.DeleteRecordsAnswer);
    }

    private static PartitionAnswer ToAnswer(Partitions.PartitionDescription partition) => partition.Error is { } error
        ? new PartitionAnswer { Partition = partition.Partition, Error = Problems.Of(error) }
        : new PartitionAnswer
        {
            Partition = partition.Partition,
            LogStartOffset = partition.LogStartOffset,
            HighWatermark = partition.HighWatermark,
            SizeBytes = partition.SizeBytes,
            DeletingBytes = partition.DeletingBytes,
            SegmentCount = partition.SegmentCount,
            Leader = partition.Leader,
            LeaderEpoch = partition.LeaderEpoch,
        };

    private static Task WriteTopicAsync(HttpContext context, TopicResponse response) => response switch
    {
        { Error: { } error } => throw new RequestException(error),
        { Topic: { } topic } => JsonAnswer.WriteAsync(context, TopicJson.ToAnswer(topic), ApiJsonContext.Api.TopicAnswer),
        _ => throw new InvalidOperationException("A topic's grain answered with neither topic nor error."),
    };

    private static void CheckLength(string name, string text)
    {
        if (text.Length > TopicLimits.NameLengthMax)
            throw RequestException.Malformed(name, $"'{name}' is longer than a topic's name can be: {TopicLimits.NameLengthMax} characters.");
    }
}
