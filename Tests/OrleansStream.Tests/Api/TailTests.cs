using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Rest.Fetch;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class TailTests(ApiFixture api)
{
    [Fact]
    public async Task Get_WhenResumed_GoesOnBehindTheLastEventSeen()
    {
        var topic = await api.CreateTopicAsync(3);
        await api.PostAsync($"/v1/topics/{topic}/records",
            "{\"records\":[{\"partition\":0,\"value\":1},{\"partition\":1,\"value\":2},{\"partition\":2,\"value\":3},"
            + "{\"partition\":0,\"value\":{ \"a\":\n4 }}]}");
        var first = await TailAsync($"/v1/topics/{topic}/records?from=earliest&limit=2", null);
        var rest = await TailAsync($"/v1/topics/{topic}/records?limit=2", first[^1].Id);
        string[] values = [.. first.Concat(rest).Select(e => ((string?)System.Text.Json.Nodes.JsonNode.Parse(e.Data)!["value"]?.ToJsonString())!)];
        Assert.Equal(["1", "2", "3", "{\"a\":4}"], values.Order());
    }

    [Fact]
    public async Task Get_WhenLive_SendsWhatIsAppended()
    {
        var topic = await api.CreateTopicAsync(2);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/records?limit=1");
        using var response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        // The start is fixed before the first byte of the answer.
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":"live"}]}""");
        Assert.Contains("\"live\"", Assert.Single(await ReadAsync(response)).Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_CutOffAnywhere_LeavesNoReaderWithAnIdBeyondTheEventsItSaw()
    {
        var topic = await api.CreateTopicAsync(2);
        await api.PostAsync($"/v1/topics/{topic}/records",
            """{"records":[{"partition":0,"value":{"a":"\n"}},{"partition":1,"value":"id: 9"},{"partition":0,"value":null},{"partition":0,"key":"data:","value":3}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/records?from=earliest&limit=4");
        using var response = await api.SendAsync(request);
        var stream = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var seenMax = 0;
        for (var length = 0; length <= stream.Length; length++)
        {
            // The one cut that no order of lines helps against: behind the id's line, before the empty one that ends the event.
            if (length < stream.Length && length > 1 && stream[length] == '\n' && stream[length - 1] == '\n')
                continue;
            var parser = SseParser.Create(new MemoryStream(stream, 0, length));
            var seen = parser.Enumerate().Count();
            var passed = parser.LastEventId.Length == 0 ? 0 : TailToken.Parse(parser.LastEventId).Offsets.Values.Sum();
            Assert.True(passed == seen, $"{seen} events were seen of {length} bytes, and the id is {parser.LastEventId}.");
            seenMax = seen;
        }

        Assert.Equal(4, seenMax);
    }

    [Fact]
    public async Task Get_WithAnIdOfAnotherTopicOfTheName_TellsTheGapsAndStartsAnew()
    {
        var topic = await api.CreateTopicAsync(2);
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"partition":0,"value":1},{"partition":1,"value":2},{"partition":1,"value":3}]}""");
        var id = (await TailAsync($"/v1/topics/{topic}/records?from=earliest&limit=3", null))[^1].Id;
        await DeleteAsync(topic);
        var anew = await CreateAsync(topic);
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"partition":0,"value":4},{"partition":0,"value":5}]}""");

        // Of both partitions, though the new topic has but one.
        var events = await TailAsync($"/v1/topics/{topic}/records?limit=2", id);
        Assert.Equal(
            [Gap(0, 1, anew), Gap(1, 2, anew)],
            events.Take(2).Select(one => one.Data));
        Assert.Equal(["0:0", "0:1", "0:2"], events.Skip(1).Select(one => one.Id[..one.Id.IndexOf('@')]));
        Assert.Equal([4L, 5L], events.Skip(2).Select(one => (long)JsonNode.Parse(one.Data)!["value"]!));
        // The id of the last gap is of the new topic: it is not told again.
        Assert.Equal(2, (await TailAsync($"/v1/topics/{topic}/records?limit=2", events[1].Id)).Count);
    }

    [Fact]
    public async Task Get_WhileItsTopicIsDeletedAndCreatedAnew_NeverGoesOnInSilence()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1},{"value":2}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/records?from=earliest&limit=6");
        using var response = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var seen = "";
        while (!seen.Contains("0:2@", StringComparison.Ordinal))
            seen += await lines.ReadLineAsync(TestContext.Current.CancellationToken) + "\n";
        await DeleteAsync(topic);
        var anew = await CreateAsync(topic);
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":3},{"value":4},{"value":5},{"value":6}]}""");

        // Which of the two depends on whether the tail asks for the topic before it is there again.
        var rest = await lines.ReadToEndAsync(TestContext.Current.CancellationToken);
        if (rest.Contains("event: error", StringComparison.Ordinal))
            Assert.DoesNotContain("\"value\":", rest, StringComparison.Ordinal);
        else
            Assert.Matches($"^\\s*event: gap\ndata: {System.Text.RegularExpressions.Regex.Escape(Gap(0, 2, anew))}\nid: 0:0@{anew:N}\n\ndata: .*\"value\":3,", rest);
    }

    [Fact]
    public async Task Get_WithAnIdOfAnOlderVersion_GoesOnAndSaysThatItNamesNoTopic()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1},{"value":2}]}""");
        var events = await TailAsync($"/v1/topics/{topic}/records?limit=1", "0:1");
        Assert.Equal(2, events.Count);
        Assert.Equal($"{(Guid)JsonNode.Parse(events[0].Data)!["topic_id"]!:N}", events[0].Id["0:1@".Length..]);
        Assert.Equal(2, (long)JsonNode.Parse(events[1].Data)!["value"]!);
    }

    [Theory]
    [InlineData("records_deleted", "0:0", 2)]
    [InlineData("offset_beyond_end", "0:9", 0)]
    public async Task Get_FromAnOffsetThatIsNoneOfTheLog_TellsWhy(string reason, string place, int deletedBelow)
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1},{"value":2},{"value":3}]}""");
        var id = (await TailAsync($"/v1/topics/{topic}/records?from=earliest&limit=1", null))[0].Id;
        using (await api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/v1/topics/{topic}/partitions/0/records?before_offset={deletedBelow}")))
        {
        }

        var events = await TailAsync($"/v1/topics/{topic}/records?limit=1", place + id[id.IndexOf('@')..]);
        var gap = JsonNode.Parse(events[0].Data)!;
        Assert.Equal((reason, (long)deletedBelow), ((string)gap["reason"]!, (long)gap["to"]!));
        Assert.Equal(deletedBelow, (long)JsonNode.Parse(events[1].Data)!["offset"]!);
    }

    [Fact]
    public void Token_OfAnyPlace_IsReadBack() => Gen.Select(Gen.Guid, Gen.Long[0, long.MaxValue].Array[1, 40]).Sample(place =>
    {
        var token = new System.Buffers.ArrayBufferWriter<byte>();
        TailToken.Write(place.Item1, place.Item2, token);
        var read = TailToken.Parse(System.Text.Encoding.ASCII.GetString(token.WrittenSpan));
        Assert.Equal(place.Item1, read.TopicId);
        Assert.Equal(place.Item2, read.Offsets.OrderBy(pair => pair.Key).Select(pair => pair.Value));
    });

    private static string Gap(int partition, long from, Guid topicId) =>
        $$"""{"partition":{{partition}},"from":{{from}},"to":0,"reason":"topic_recreated","topic_id":"{{topicId}}"}""";

    private async Task DeleteAsync(string topic)
    {
        using var response = await api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/v1/topics/{topic}"));
        response.EnsureSuccessStatusCode();
    }

    private async Task<Guid> CreateAsync(string topic)
    {
        using var response = await api.Client.PutAsync($"/v1/topics/{topic}", ApiFixture.Json("{}"), TestContext.Current.CancellationToken);
        return (Guid)JsonNode.Parse(await ApiFixture.TextAsync(response))!["id"]!;
    }

    private async Task<List<(string Id, string Data)>> TailAsync(string path, string? lastId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastId is not null)
            request.Headers.Add("Last-Event-ID", lastId);
        using var response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    private static async Task<List<(string Id, string Data)>> ReadAsync(HttpResponseMessage response)
    {
        var events = new List<(string, string)>();
        var id = "";
        string? data = null;
        foreach (var line in (await ApiFixture.TextAsync(response)).Split('\n'))
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                id = line[4..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data = line[6..];
            }
            else if (line.Length == 0 && data is not null)
            {
                events.Add((id, data));
                data = null;
            }
        }

        return events;
    }
}
