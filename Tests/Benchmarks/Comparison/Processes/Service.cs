using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace OrleansStream.Comparison.Processes;

/// <summary>The service in Release, as a process, and the requests that prepare a measurement.</summary>
internal sealed class Service : IDisposable
{
    private readonly HttpClient _http;
    private readonly AllocationProbe _probe;

    private Service(ChildProcess process, int port, AllocationProbe probe)
    {
        (Process, Port, _probe) = (process, port, probe);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>The process.</summary>
    public ChildProcess Process { get; }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>What it has allocated so far, in bytes.</summary>
    public long AllocatedBytes => _probe.AllocatedBytes;

    /// <summary>Starts the Api with a silo in its own process and its data in a folder.</summary>
    /// <param name="folder">The folder.</param>
    public static Task<Service> StartAsync(string folder) =>
        StartAsync(Repository.Api, [("OrleansStream__Storage__Files__Directory", folder)]);

    /// <summary>Starts the Api with a silo in its own process, and has its callers sign in by API keys.</summary>
    /// <param name="folder">The folder of its data.</param>
    /// <returns>The service, and a key that may write all topics.</returns>
    public static async Task<(Service Service, string Key)> StartWithKeysAsync(string folder)
    {
        var bootstrap = $"os_bootstrap_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}";
        var service = await StartAsync(
            Repository.Api, [("OrleansStream__Storage__Files__Directory", folder), ("OrleansStream__Security__BootstrapKey", bootstrap)]);
        service._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bootstrap);
        using var answer = await service._http.PutAsJsonAsync("/v1/access/keys/producer", new JsonObject { ["role"] = "Data Sender" });
        await RequireAsync(answer, HttpStatusCode.Created);
        return (service, (string)(await answer.Content.ReadFromJsonAsync<JsonNode>())!["key"]!);
    }

    /// <summary>Starts one of the repository's programs and waits until it serves.</summary>
    /// <param name="program">The program.</param>
    /// <param name="environment">Its configuration.</param>
    public static async Task<Service> StartAsync(string program, IEnumerable<(string Key, string Value)> environment)
    {
        var port = ChildProcess.FreePort();
        var probe = new AllocationProbe();
        var process = ChildProcess.Start(
            "dotnet", [program, "--urls", $"http://127.0.0.1:{port}"], [("OrleansStream__Kafka__Enabled", "false"), .. environment, .. probe.Environment]);
        var service = new Service(process, port, probe);
        try
        {
            await process.WaitUntilAsync("The service", service.IsReadyAsync);
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    /// <summary>Creates a topic.</summary>
    /// <param name="topic">Its name.</param>
    /// <param name="partitions">The count of its partitions.</param>
    /// <param name="config">Its settings.</param>
    public async Task CreateTopicAsync(string topic, int partitions = 1, params (string Key, string Value)[] config)
    {
        var settings = new JsonObject(config.Select(pair => KeyValuePair.Create<string, JsonNode?>(pair.Key, pair.Value)));
        using var answer = await _http.PutAsJsonAsync(
            $"/v1/topics/{topic}", new JsonObject { ["partitions"] = partitions, ["config"] = settings });
        await RequireAsync(answer, HttpStatusCode.Created);
    }

    /// <summary>Deletes a topic.</summary>
    /// <param name="topic">Its name.</param>
    public async Task DeleteTopicAsync(string topic)
    {
        using var answer = await _http.DeleteAsync(new Uri($"/v1/topics/{topic}", UriKind.Relative));
        await RequireAsync(answer, HttpStatusCode.NoContent);
    }

    /// <summary>The records of a topic, over all its partitions, that readers see.</summary>
    /// <param name="topic">Its name.</param>
    public async Task<long> CountRecordsAsync(string topic)
    {
        using var answer = await _http.GetAsync(new Uri($"/v1/topics/{topic}/partitions", UriKind.Relative));
        await RequireAsync(answer, HttpStatusCode.OK);
        var body = (await answer.Content.ReadFromJsonAsync<JsonNode>())!;
        return body["partitions"]!.AsArray().Sum(partition => (long)partition!["high_watermark"]!);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        Process.Dispose();
        _probe.Dispose();
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri("/health/ready", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task RequireAsync(HttpResponseMessage answer, HttpStatusCode status)
    {
        if (answer.StatusCode != status)
            throw new InvalidOperationException($"{answer.RequestMessage?.RequestUri}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }
}
