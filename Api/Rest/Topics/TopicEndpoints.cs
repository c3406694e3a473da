using OrleansStream.Contracts;
using OrleansStream.Gateway.Topics;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Topics;

/// <summary>Create, list, read, change and delete topics.</summary>
internal sealed class TopicEndpoints(TopicAdministration administration)
{
    private const string BeforeOffset = "before_offset";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var topics = routes.ServiceProvider.GetRequiredService<TopicEndpoints>();
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

    private async Task PutAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, TopicRequestLimits.TopicBodyBytesMax);
        var request = TopicJson.ParseCreate(body.Json.Span);
        (var topic, var isNew) = await administration.CreateAsync(context.Caller(), Parameters.Topic(context), request, context.RequestAborted);
        context.Response.StatusCode = isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        await WriteTopicAsync(context, topic);
    }

    private async Task GetAsync(HttpContext context) =>
        await WriteTopicAsync(context, await administration.GetAsync(context.Caller(), Parameters.Topic(context), context.RequestAborted));

    private async Task PatchAsync(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context, TopicRequestLimits.TopicBodyBytesMax);
        var request = TopicJson.ParseAlter(body.Json.Span);
        await WriteTopicAsync(context, await administration.AlterAsync(context.Caller(), Parameters.Topic(context), request, context.RequestAborted));
    }

    private async Task DeleteAsync(HttpContext context)
    {
        await administration.DeleteAsync(context.Caller(), Parameters.Topic(context), context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ListAsync(HttpContext context)
    {
        var limit = Parameters.Integer(context, "limit", 1, TopicRequestLimits.TopicPageMax, TopicRequestLimits.TopicPageDefault);
        var prefix = Parameters.Text(context, "prefix") ?? "";
        var after = Parameters.Text(context, "after");
        CheckLength("prefix", prefix);
        CheckLength("after", after ?? "");
        var page = await administration.ListAsync(context.Caller(), prefix, after, limit, context.RequestAborted);
        var answer = new TopicListAnswer
        {
            Topics = [.. page.Topics.Select(t => new TopicListEntry { Name = t.Name, Id = t.Id, CreatedAt = t.CreatedAt })],
            NextAfter = page.NextAfter,
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.TopicListAnswer);
    }

    private async Task ListPartitionsAsync(HttpContext context)
    {
        var topic = await administration.DescribeAsync(context.Caller(), Parameters.Topic(context), context.RequestAborted);
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
        var load = await administration.DescribeLoadAsync(context.Caller(), Parameters.Topic(context), context.RequestAborted);
        await JsonAnswer.WriteAsync(context, LoadJson.ToAnswer(load), ApiJsonContext.Api.TopicLoadAnswer);
    }

    private async Task DeleteRecordsAsync(HttpContext context)
    {
        var before = Parameters.Text(context, BeforeOffset)
            ?? throw RequestException.Malformed(BeforeOffset, $"'{BeforeOffset}' is missing; expected the first offset to keep, or latest.");
        var offset = before == "latest"
            ? Partitions.FetchRequest.Latest
            : Parameters.Integer(BeforeOffset, before, 0, long.MaxValue);
        var number = Parameters.Partition(context);
        var partition = await administration.DeleteRecordsAsync(
            context.Caller(), Parameters.Topic(context), Parameters.TopicId(context), number, offset, context.RequestAborted);
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

    private static Task WriteTopicAsync(HttpContext context, TopicMetadata topic) =>
        JsonAnswer.WriteAsync(context, TopicJson.ToAnswer(topic), ApiJsonContext.Api.TopicAnswer);

    private static void CheckLength(string name, string text)
    {
        if (text.Length > TopicLimits.NameLengthMax)
            throw RequestException.Malformed(name, $"'{name}' is longer than a topic's name can be: {TopicLimits.NameLengthMax} characters.");
    }
}
