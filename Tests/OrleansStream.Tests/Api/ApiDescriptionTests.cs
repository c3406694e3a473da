using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class ApiDescriptionTests(ApiFixture api)
{
    private const string Golden = "openapi.json";

    private static readonly string[] DotNetNames = ["JsonNode", "JsonElement", "StringSegment", "System.", "`1", "Nullable"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task Document_WhenRead_DescribesEveryOperationWithTypedAnswers()
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        var faults = new List<string>();
        var count = 0;
        foreach ((var path, var item) in document["paths"]!.AsObject())
        {
            foreach ((var method, var operation) in item!.AsObject())
            {
                count++;
                var name = $"{method} {path}";
                if (operation!["summary"] is null || operation["description"] is null || operation["operationId"] is null)
                    faults.Add($"{name} has no text");
                foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
                {
                    if (parameter!["description"] is null)
                        faults.Add($"{name}: {parameter["name"]} has no text");
                }

                var responses = operation["responses"]!.AsObject();
                if (!responses.Any(r => r.Key[0] == '2'))
                    faults.Add($"{name} has no success");
            }
        }

        Assert.Empty(faults);
        Assert.Equal(37, count);
    }

    [Fact]
    public async Task Descriptions_WhenRead_HaveNoLineEndsButThoseOfParagraphs()
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        var (descriptions, left) = (0, new Stack<JsonNode>([document]));
        while (left.TryPop(out var node))
        {
            if (node is JsonObject one && one["description"] is JsonValue text)
            {
                descriptions++;
                Assert.All(((string)text!).Split("\n\n"), paragraph => Assert.DoesNotContain('\n', paragraph));
            }

            foreach (var inner in node is JsonArray list ? list : node is JsonObject fields ? fields.Select(field => field.Value) : [])
            {
                if (inner is JsonObject or JsonArray)
                    left.Push(inner);
            }
        }

        Assert.True(descriptions > 300, $"There are {descriptions} descriptions.");
    }

    [Fact]
    public async Task Sections_WhenRead_AreThoseThatHoldOperations()
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        var used = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject())
            .SelectMany(operation => operation.Value!["tags"]!.AsArray().Select(tag => (string)tag!)).Distinct().Order();
        Assert.Equal(used, document["tags"]!.AsArray().Select(tag => (string)tag!["name"]!).Order());
    }

    [Fact]
    public async Task Document_WhenRead_IsAsTheFileSays()
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        Assert.Equal(api.Client.BaseAddress!.GetLeftPart(UriPartial.Authority), (string?)document["servers"]![0]!["url"]);
        document["servers"]![0]!["url"] = "http://localhost:8080";
        var actual = document.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") is { Length: > 0 } folder)
            await File.WriteAllTextAsync(Path.Combine(folder, Golden), actual, TestContext.Current.CancellationToken);
        var expected = await File.ReadAllTextAsync(
            Path.Combine(AppContext.BaseDirectory, "Api", "Golden", Golden), TestContext.Current.CancellationToken);
        // Line by line: of two texts of 300 KB nobody sees where they differ.
        Assert.Equal(expected.Split('\n'), actual.Split('\n'));
    }

    [Fact]
    public async Task Document_WhenRead_NamesNoDotNetType()
    {
        var document = (await api.GetAsync("/swagger/v1/swagger.json")).ToJsonString();
        Assert.All(DotNetNames, name => Assert.DoesNotContain(name, document, StringComparison.Ordinal));
        Assert.DoesNotContain("\"head\":", document, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_WhenRead_AreOneComponent()
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        var answers = Operations(document).SelectMany(operation => operation.Node["responses"]!.AsObject()).Where(answer => answer.Key[0] is '4' or '5');
        Assert.All(answers, answer => Assert.Equal("#/components/responses/Problem", (string?)answer.Value!["$ref"]));
        Assert.NotNull(document["components"]!["responses"]!["Problem"]!["content"]!["application/problem+json"]!["schema"]);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Examples_WhenExecutedInOrder_Work(bool withNulls)
    {
        var document = await api.GetAsync("/swagger/v1/swagger.json");
        // Null means the same as leaving out, and is what many clients write for what their caller did not set.
        var suffix = withNulls ? "-nulls" : "-plain";
        foreach ((var method, var path, var operation) in Operations(document).OrderBy(operation => (int)operation.Node["x-order"]!))
        {
            using var request = RequestOf(document, method, path, operation, withNulls, suffix);
            using var response = await api.SendAsync(request);
            var answer = await ApiFixture.TextAsync(response);
            Assert.True(response.IsSuccessStatusCode, $"{method} {request.RequestUri} {(int)response.StatusCode} {answer}");
            if (path.EndsWith("/poll", StringComparison.Ordinal) || path.EndsWith("/records", StringComparison.Ordinal) && method == "get")
                Assert.Contains("argentina-brazil", answer, StringComparison.Ordinal);
        }
    }

    private static HttpRequestMessage RequestOf(JsonNode document, string method, string path, JsonNode operation, bool withNulls, string suffix)
    {
        var query = new List<string>();
        foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
        {
            var name = (string)parameter!["name"]!;
            // As the page does: it fills in the example, else the default.
            var value = (parameter["example"] ?? parameter["schema"]!["default"])?.ToString();
            if ((string?)parameter["in"] == "path")
                path = path.Replace($"{{{name}}}", name is "topic" or "group" ? value + suffix : value, StringComparison.Ordinal);
            else if (value is not null)
                query.Add($"{name}={Uri.EscapeDataString(value)}");
            // A header that has a value whenever the page is used would be sent with bodies that it has no meaning for.
            Assert.False((string?)parameter["in"] == "header" && value is not null, $"{path}: {name} has a default");
        }

        var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), query.Count == 0 ? path : $"{path}?{string.Join('&', query)}");
        if (operation["requestBody"]?["content"]?["application/json"] is { } body)
        {
            var example = body["example"]!.DeepClone();
            if (withNulls)
                AddNulls(document, body["schema"]!, example);
            request.Content = ApiFixture.Json(example.ToJsonString().Replace("\"matches\"", $"\"matches{suffix}\"", StringComparison.Ordinal));
        }

        return request;
    }

    // For each field that a body need not have, and the example has not.
    private static void AddNulls(JsonNode document, JsonNode schema, JsonNode? value)
    {
        if (schema["$ref"] is { } reference)
            schema = document["components"]!["schemas"]![((string)reference!).Split('/')[^1]]!;
        if (value is JsonArray items && schema["items"] is { } of)
        {
            foreach (var item in items)
                AddNulls(document, of, item);
        }

        if (value is not JsonObject fields || schema["properties"] is not JsonObject properties)
            return;
        foreach ((var name, var property) in properties)
        {
            if (fields[name] is { } given)
                AddNulls(document, property!, given);
            else
                fields[name] = null;
        }
    }

    private static IEnumerable<(string Method, string Path, JsonNode Node)> Operations(JsonNode document) =>
        document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => (operation.Key, path.Key, operation.Value!)));

    [Fact]
    public async Task Page_WhenOpened_NeedsNothingFromOutside()
    {
        using var root = await api.Client.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal("./console/", root.Headers.Location!.OriginalString);
        var page = await api.Client.GetStringAsync("/swagger/index.html", TestContext.Current.CancellationToken);
        Assert.DoesNotContain("src=\"http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("href=\"http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("//cdn", page, StringComparison.Ordinal);
    }
}
