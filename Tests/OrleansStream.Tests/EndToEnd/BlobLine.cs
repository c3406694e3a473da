using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Faults;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// One process's own way to the blob service, on which everything that it asks for is written down, or on which requests and replies get
/// lost.
/// </summary>
internal sealed class BlobLine : IAsyncDisposable
{
    private const string PositionCondition = "x-ms-blob-condition-appendpos";

    private readonly List<BlobCall> _calls = [];
    private readonly BlobTroubles? _troubles;
    private readonly HttpMessageInvoker _http;
    private readonly WebApplication _app;
    private readonly Uri _service;
    private readonly string _serviceConnection;

    private BlobLine(string connectionString, int port, BlobTroubles? troubles)
    {
        _troubles = troubles;
        _http = new HttpMessageInvoker(new FaultyHttpHandler { OnRequest = (_, _) => troubles?.NextFault() ?? HttpFault.None });
        _serviceConnection = connectionString;
        _service = new Uri(connectionString.Split("BlobEndpoint=")[1].TrimEnd(';'));
        ConnectionString = connectionString.Replace(
            _service.GetLeftPart(UriPartial.Authority), $"http://127.0.0.1:{port}", StringComparison.Ordinal);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        _app = builder.Build();
        _app.Run(ForwardAsync);
    }

    /// <summary>Leads to the service through this line.</summary>
    public string ConnectionString { get; }

    /// <summary>True to append without the condition that the segment ends where the caller believes: the fence is out.</summary>
    public bool DropsPositionConditions { get; set; }

    /// <summary>What was asked for and is answered; nothing on a line with troubles.</summary>
    public IReadOnlyList<BlobCall> Calls
    {
        get
        {
            lock (_calls)
                return [.. _calls];
        }
    }

    /// <summary>Opens a line.</summary>
    /// <param name="connectionString">Leads to the service.</param>
    /// <param name="troubles">What happens to requests; null for nothing.</param>
    public static async Task<BlobLine> StartAsync(string connectionString, BlobTroubles? troubles = null)
    {
        var line = new BlobLine(connectionString, FreePort.Find(), troubles);
        await line._app.StartAsync();
        return line;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task ForwardAsync(HttpContext context)
    {
        long asked = Stopwatch.GetTimestamp();
        // As a whole: a request must not take effect in part because the line broke.
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        bool isAppend = context.Request.Query["comp"] == "appendblock";
        if (_troubles is not null)
            await ForwardWithTroublesAsync(context, body.ToArray(), _troubles);
        else if (isAppend && DropsPositionConditions && context.Request.Headers.ContainsKey(PositionCondition))
            await AppendAnywhereAsync(context, body.ToArray());
        else
            await ForwardAsync(context, body.ToArray());
        if (_troubles is not null)
            return;
        lock (_calls)
        {
            _calls.Add(new BlobCall(
                asked, context.Request.Method, context.Request.Path.Value!, isAppend, context.Response.StatusCode));
        }
    }

    private async Task ForwardWithTroublesAsync(HttpContext context, byte[] body, BlobTroubles troubles)
    {
        string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        try
        {
            await troubles.DelayAsync(context.RequestAborted);
            if (!BlobTroubles.IsList(context.Request.Method, target))
            {
                await ForwardAsync(context, body);
                return;
            }

            using HttpResponseMessage response = await SendAsync(context, body);
            byte[] list = await response.Content.ReadAsByteArrayAsync(context.RequestAborted);
            byte[] answer = troubles.ListFor(target, list);
            context.Response.StatusCode = (int)response.StatusCode;
            context.Response.ContentType = response.Content.Headers.ContentType?.ToString();
            await context.Response.Body.WriteAsync(answer, context.RequestAborted);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // What is left of the answer never comes.
            context.Abort();
        }
    }

    private async Task ForwardAsync(HttpContext context, byte[] body)
    {
        using HttpResponseMessage response = await SendAsync(context, body);
        context.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
        {
            if (name is not ("Transfer-Encoding" or "Connection" or "Keep-Alive"))
                context.Response.Headers[name] = values.ToArray();
        }

        await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpContext context, byte[] body)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(context.Request.Method),
            new Uri(_service.GetLeftPart(UriPartial.Authority) + context.Features.Get<IHttpRequestFeature>()!.RawTarget));
        if (context.Request.ContentLength is not null)
            request.Content = new ByteArrayContent(body);
        foreach (var (name, values) in context.Request.Headers)
        {
            if (name is not ("Host" or "Connection" or "Content-Length") && !request.Headers.TryAddWithoutValidation(name, [.. values]))
                request.Content?.Headers.TryAddWithoutValidation(name, [.. values]);
        }

        return await _http.SendAsync(request, context.RequestAborted);
    }

    // The request is signed with its condition, so another one is sent in its place.
    private async Task AppendAnywhereAsync(HttpContext context, byte[] body)
    {
        string[] path = context.Request.Path.Value!.Split('/', 5);
        var container = AzureBlobContainer.Open(null, _serviceConnection, path[2], TimeProvider.System);
        AppendOutcome outcome = await container.Segments.AppendAnywhereAsync(StoreNames.FromStored(path[4]), body);
        bool isDone = outcome.Status == AppendStatus.Appended;
        context.Response.StatusCode = isDone ? StatusCodes.Status201Created : StatusCodes.Status500InternalServerError;
        if (isDone)
        {
            context.Response.Headers["x-ms-blob-append-offset"] = $"{outcome.Length - body.Length}";
            context.Response.Headers["x-ms-blob-committed-block-count"] = "1";
            context.Response.Headers.ETag = "\"0x1\"";
            context.Response.Headers.LastModified = $"{TimeProvider.System.GetUtcNow():R}";
        }
    }
}

/// <summary>One call to the blob service.</summary>
/// <param name="Asked">When it was asked for.</param>
/// <param name="Method">HTTP's method.</param>
/// <param name="Path">The account, the container and the blob.</param>
/// <param name="IsAppend">True for an append to a segment.</param>
/// <param name="Status">HTTP's status.</param>
internal sealed record BlobCall(long Asked, string Method, string Path, bool IsAppend, int Status)
{
    /// <summary>True when it changed something.</summary>
    public bool TookEffect => Method is "PUT" or "DELETE" or "POST" && Status is >= 200 and < 300;

    /// <summary>True when it would have changed something, had its condition held.</summary>
    public bool IsRefused => Method is "PUT" or "DELETE" or "POST"
        && Status is StatusCodes.Status409Conflict or StatusCodes.Status412PreconditionFailed;
}
