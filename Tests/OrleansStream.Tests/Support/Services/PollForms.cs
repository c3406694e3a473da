using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using OrleansStream.Records;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Tests.Support.Services;

/// <summary>The form of an answer to a poll.</summary>
public enum PollForm
{
    /// <summary>JSON.</summary>
    Json,

    /// <summary>Parts, some of which have record batches.</summary>
    Parts,
}

/// <summary>
/// Polls in either form, so that what holds of one is tested of the other. Parts are read by ASP.NET Core's reader, and not by the client's.
/// </summary>
internal static class PollForms
{
    public const string Multipart = "multipart/mixed";

    /// <summary>Polls.</summary>
    /// <returns>The answer, as it is in JSON.</returns>
    public static async Task<JsonNode> PollAsync(this PollForm form, ApiFixture api, string path, string body, int status = 200)
    {
        if (form == PollForm.Json)
            return await api.PostAsync(path, body, status);
        using var response = await SendAsync(api, path, body);
        if (status == 200 && (int)response.StatusCode == 200)
            return await ReadAsync(response);
        var text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>Polls for parts.</summary>
    public static async Task<HttpResponseMessage> SendAsync(ApiFixture api, string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = ApiFixture.Json(body) };
        request.Headers.Accept.ParseAdd(Multipart);
        return await api.SendAsync(request);
    }

    /// <summary>The parts of an answer: each one's media type, partition and bytes.</summary>
    public static async Task<IReadOnlyList<Part>> PartsAsync(HttpResponseMessage response)
    {
        var type = MediaTypeHeaderValue.Parse(response.Content.Headers.ContentType!.ToString());
        Assert.Equal(Multipart, type.MediaType.Value);
        var reader = new MultipartReader(
            HeaderUtilities.RemoveQuotes(type.Boundary).Value!, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var parts = new List<Part>();
        while (await reader.ReadNextSectionAsync(TestContext.Current.CancellationToken) is { } section)
        {
            using var bytes = new MemoryStream();
            await section.Body.CopyToAsync(bytes, TestContext.Current.CancellationToken);
            var topic = section.Headers!.TryGetValue("Topic", out var name) ? (string)name! : "";
            var partition = section.Headers!.TryGetValue("Partition", out var number) ? int.Parse(number!) : -1;
            parts.Add(new Part(section.ContentType!, topic, partition, bytes.ToArray()));
        }

        return parts;
    }

    /// <summary>An answer in parts, as it is in JSON.</summary>
    public static async Task<JsonNode> ReadAsync(HttpResponseMessage response)
    {
        var parts = await PartsAsync(response);
        var records = new JsonArray();
        JsonObject? last = null;
        foreach (var part in parts)
        {
            last = part.Type == MediaTypes.RecordBatch ? null : JsonNode.Parse(part.Bytes)!.AsObject();
            foreach (var record in last is null ? RecordsOf(part) : last["records"]!.AsArray().Select(record => record!.DeepClone()))
                records.Add(record);
        }

        // Only the last part has the other fields.
        Assert.NotNull(last?["cursor"]);
        Assert.All(
            parts.SkipLast(1).Where(part => part.Type != MediaTypes.RecordBatch), part => Assert.Single(JsonNode.Parse(part.Bytes)!.AsObject()));
        last["records"] = records;
        return last;
    }

    private static List<JsonNode> RecordsOf(Part part)
    {
        var records = new List<JsonNode>();
        var scanner = new RecordBatchScanner(part.Bytes, checkCrc: true);
        while (scanner.MoveNext())
        {
            using var batch = new StoredBatchReader(scanner.Batch);
            while (batch.TryReadNext(out var record))
            {
                using var bytes = new MemoryStream();
                using (var json = new Utf8JsonWriter(bytes, RecordJsonWriter.Options))
                    RecordJsonWriter.Write(json, part.Partition, record, new PayloadViews(PayloadType.Auto, PayloadType.Auto), part.Topic);
                records.Add(JsonNode.Parse(bytes.ToArray())!);
            }

            Assert.Null(batch.UnreadableFrom(scanner.Header.BaseOffset));
        }

        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        Assert.NotEmpty(records);
        return records;
    }

    /// <summary>A part of an answer.</summary>
    internal sealed record Part(string Type, string Topic, int Partition, byte[] Bytes);
}
