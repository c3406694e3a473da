using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The real process says what is wrong, and does not fill the disk with it.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class QuietTests : IDisposable
{
    private const int RequestCount = 100;
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // A grain whose state cannot be read is activated again at each request.
    [Fact]
    public async Task Requests_ToAGrainWhoseStateIsDamaged_AreToldOnceAndNotEachTime()
    {
        var data = _folder.PathOf("data");
        await using (var service = await ServiceProcess.StartAsync(data))
        {
            using var client = service.Connect();
            await client.CreateTopicAsync("damaged", partitions: 1);
            await client.CreateTopicAsync("sound", partitions: 1);
            await service.StopAsync();
        }

        var state = Assert.Single(Directory.GetFiles(data, "*damaged*", SearchOption.AllDirectories));
        await File.WriteAllTextAsync(state, "{", TestContext.Current.CancellationToken);
        await using var again = await ServiceProcess.StartAsync(data);
        using var requests = again.Connect();
        await requests.ProduceAsync("sound", new JsonObject { ["value"] = "a" });
        var before = again.Output.Count;
        for (var i = 0; i < RequestCount; i++)
        {
            var answer = await requests.SendAsync(HttpMethod.Put, "/v1/topics/damaged", ServiceClient.Json(new JsonObject { ["partitions"] = 1 }));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
        }

        string[] told = [.. again.Output.Skip(before), .. again.Errors];
        Assert.Contains(told, line => line.Contains("topic/damaged could not be read", StringComparison.Ordinal));
        // Two lines with the stack trace of what they tell.
        Assert.True(told.Length < RequestCount, string.Join('\n', told));
        await requests.ProduceAsync("sound", new JsonObject { ["value"] = "b" });
    }
}
