using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.Faults;

/// <summary>What a line to the store does to requests, by chance.</summary>
internal sealed record BlobTrouble(string Name)
{
    /// <summary>What happens to a request that is hit.</summary>
    public HttpFault Fault { get; init; }

    /// <summary>How many of a thousand requests are hit.</summary>
    public int Permille { get; init; } = 1_000;

    /// <summary>How long a request that is hit is held up first.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Listings are answered as they were when they were last asked for.</summary>
    public bool ListsAreStale { get; init; }
}

/// <summary>One process's line to a blob service: a server of its own that passes requests on, as badly as it is told.</summary>
internal sealed class BlobLine : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _service;
    private readonly Uri _target;
    private readonly Random _random;
    private readonly ConcurrentDictionary<string, (HttpStatusCode Status, byte[] Body)> _lists = new(StringComparer.Ordinal);
    private volatile BlobTrouble[] _troubles = [];

    private BlobLine(Uri target, int seed)
    {
        _target = target;
        _random = new Random(seed);
        _service = new HttpMessageInvoker(new FaultyHttpHandler { OnRequest = (_, _) => Choose(_troubles.Where(t => t.Fault != HttpFault.None))?.Fault ?? HttpFault.None });
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(PassAsync);
    }

    /// <summary>Where it takes requests.</summary>
    public Uri Address => new(_app.Urls.First());

    /// <summary>Opens a line.</summary>
    /// <param name="target">The blob service.</param>
    /// <param name="seed">Of what happens to which request.</param>
    public static async Task<BlobLine> OpenAsync(Uri target, int seed)
    {
        var line = new BlobLine(target, seed);
        await line._app.StartAsync();
        return line;
    }

    /// <summary>The line has this trouble too, until it is healed.</summary>
    public void Add(BlobTrouble trouble) => _troubles = [.. _troubles, trouble];

    /// <summary>That trouble is over.</summary>
    public void Heal(BlobTrouble trouble) => _troubles = [.. _troubles.Where(other => !ReferenceEquals(other, trouble))];

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _service.Dispose();
    }

    private BlobTrouble? Choose(IEnumerable<BlobTrouble> troubles)
    {
        lock (_random)
            return troubles.FirstOrDefault(trouble => _random.Next(1_000) < trouble.Permille);
    }

    private async Task PassAsync(HttpContext context)
    {
        try
        {
            if (Choose(_troubles.Where(trouble => trouble.Delay > TimeSpan.Zero)) is { } slow)
                await Task.Delay(slow.Delay, TimeProvider.System, context.RequestAborted);
            var path = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
            var isList = context.Request.Method == HttpMethods.Get && path.Contains("comp=list", StringComparison.Ordinal);
            if (isList && Array.Exists(_troubles, trouble => trouble.ListsAreStale) && _lists.TryGetValue(path, out var old))
            {
                context.Response.StatusCode = (int)old.Status;
                context.Response.ContentType = "application/xml";
                await context.Response.Body.WriteAsync(old.Body, context.RequestAborted);
                return;
            }

            using var request = await CopyAsync(context.Request, new Uri(_target, path));
            using var response = await _service.SendAsync(request, context.RequestAborted);
            await CopyAsync(response, context.Response, isList ? path : null);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            // What is left of the answer never comes.
            context.Abort();
        }
    }

    private static async Task<HttpRequestMessage> CopyAsync(HttpRequest source, Uri target)
    {
        // As a whole: an append must not take effect in part because the line broke.
        using var body = new MemoryStream();
        await source.Body.CopyToAsync(body, source.HttpContext.RequestAborted);
        var request = new HttpRequestMessage(new HttpMethod(source.Method), target) { Content = new ByteArrayContent(body.ToArray()) };
        foreach (var (name, values) in source.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, values.AsEnumerable()))
                request.Content.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        }

        return request;
    }

    private async Task CopyAsync(HttpResponseMessage source, HttpResponse target, string? list)
    {
        target.StatusCode = (int)source.StatusCode;
        foreach (var (name, values) in source.Headers.Concat(source.Content.Headers).Where(header => header.Key != "Transfer-Encoding"))
            target.Headers.Append(name, values.ToArray());
        if (list is null)
        {
            await source.Content.CopyToAsync(target.Body, target.HttpContext.RequestAborted);
            return;
        }

        var body = await source.Content.ReadAsByteArrayAsync(target.HttpContext.RequestAborted);
        _lists[list] = (source.StatusCode, body);
        await target.Body.WriteAsync(body, target.HttpContext.RequestAborted);
    }
}
