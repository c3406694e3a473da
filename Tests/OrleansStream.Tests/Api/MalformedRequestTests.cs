using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class MalformedRequestTests(ApiFixture api)
{
    [Fact]
    public async Task Send_WhenMalformed_EachIsRefusedByNameAndTheServiceServesOn()
    {
        Assert.True(MalformedRequests.All.Select(r => r.ToString() + r.Body?.Length).Distinct().Count() >= 200);
        var topic = await api.CreateTopicAsync(2);
        var faults = new List<string>();
        foreach (var malformed in MalformedRequests.All)
        {
            if (await CheckAsync(malformed, topic) is { } fault)
                faults.Add($"{malformed} -> {fault}");
        }

        Assert.True(faults.Count == 0, string.Join('\n', faults));
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":"still here"}]}""");
        var partitions = (await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]!.AsArray();
        Assert.Equal(1, partitions.Sum(p => (long)p!["high_watermark"]!));
    }

    private async Task<string?> CheckAsync(MalformedRequest malformed, string topic)
    {
        using var request = new HttpRequestMessage(new HttpMethod(malformed.Method), malformed.Path.Replace("{t}", topic, StringComparison.Ordinal));
        if (malformed.Body is not null)
        {
            request.Content = new ByteArrayContent(malformed.Body);
            if (malformed.Type is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", malformed.Type);
        }

        if (malformed.Header is { } header)
        {
            var name = header[..header.IndexOf(':', StringComparison.Ordinal)];
            var value = header[(name.Length + 2)..];
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content!.Headers.TryAddWithoutValidation(name, value);
        }

        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
        var status = (int)response.StatusCode;
        if (status is < 400 or >= 500)
            return $"{status}";
        var text = await response.Content.ReadAsStringAsync(timeout.Token);
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            return $"{status} {response.Content.Headers.ContentType}: {text}";
        var problem = JsonNode.Parse(text)!;
        if ((int?)problem["status"] != status || string.IsNullOrEmpty((string?)problem["detail"]) || problem["error_code"] is null
            || problem["kafka_code"] is null || problem["retriable"] is null || problem["trace_id"] is null || problem["type"] is null)
        {
            return $"incomplete: {text}";
        }

        return malformed.Field is { } field && (string?)problem["field"] != field ? $"field is not '{field}': {text}" : null;
    }
}
