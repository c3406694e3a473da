using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Security;
using OrleansStream.HttpErrors;

namespace OrleansStream.Api.Hosting;

/// <summary>
/// Serves the web console at <c>/console</c>: a program for browsers, whose files lie beside this one. It tells nothing of what is stored; what the
/// console shows, it asks of <c>/v1</c>.
/// </summary>
/// <remarks>
/// Its addresses are relative to the page, so it works behind a proxy that serves it below any path. Each file has an ETag, by which browsers ask
/// whether theirs is still the right one.
/// </remarks>
internal sealed class ConsolePages
{
    /// <summary>Where the console is.</summary>
    public const string Path = "/console";

    private const string Folder = "console";
    private const string Page = "index.html";
    private const string Settings = "settings.json";
    private const string Gzip = ".gz";

    // What the page says of itself; the service puts the way back to /console/ in its place, which depends on how deep the address is.
    private const string Base = "<base href=\"/console/\" />";

    private readonly FrozenDictionary<string, ConsoleFile> _files;
    private readonly byte[] _settings;
    private readonly string? _page;
    private readonly string _policy;

    private ConsolePages(string folder, SecurityOptions security)
    {
        _files = Read(folder);
        _page = _files.TryGetValue(Page, out var page) ? File.ReadAllText(page.Path) : null;
        _settings = JsonSerializer.SerializeToUtf8Bytes(SettingsOf(security), ApiJsonContext.Api.ConsoleSettings);
        var connect = security.OpenIdConnect.IsSet
            ? $"'self' {new Uri(security.OpenIdConnect.Authority!).GetLeftPart(UriPartial.Authority)}"
            : "'self'";
        // CSP 3. The program is WebAssembly; its components write styles into their elements; no text becomes a script.
        _policy = $"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
            + $"connect-src {connect}; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
    }

    public static void Use(WebApplication app)
    {
        // A start should not read files that nobody may ask for.
        var pages = new Lazy<ConsolePages>(() => new ConsolePages(
            System.IO.Path.Combine(AppContext.BaseDirectory, Folder), app.Services.GetRequiredService<IOptions<SecurityOptions>>().Value));
        app.UseWhen(
            context => context.Request.Path.StartsWithSegments(Path), console => console.Run(context => pages.Value.AnswerAsync(context)));
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (!HttpMethods.IsGet(request.Method))
        {
            Refuse(response, HttpFault.MethodNotAllowed);
            response.Headers.Allow = HttpMethods.Get;
            return;
        }

        var rest = request.Path.Value![Path.Length..];
        if (rest.Length == 0)
        {
            response.Redirect($".{Path}/{request.QueryString}");
            return;
        }

        response.Headers.ContentSecurityPolicy = _policy;
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-cache";
        var name = rest[1..];
        if (name == Settings)
            await WriteAsync(context, _settings, "application/json");
        else if (name != Page && _files.TryGetValue(name, out var file))
            await SendAsync(context, file);
        else if (_page is null || name.StartsWith('_'))
            Refuse(response, HttpFault.NoSuchPath);
        else
            await WriteAsync(context, PageAt(name), "text/html; charset=utf-8");
    }

    // As routing refuses: ProblemMiddleware writes the problem document, and reads the rest of the body.
    private static void Refuse(HttpResponse response, HttpFault fault) => response.StatusCode = ErrorMap.Of(fault).Status;

    // What comes behind the last slash names no folder.
    private byte[] PageAt(string name)
    {
        var depth = name.Count(letter => letter == '/');
        var back = depth == 0 ? "./" : string.Concat(Enumerable.Repeat("../", depth));
        return System.Text.Encoding.UTF8.GetBytes(_page!.Replace(Base, $"<base href=\"{back}\" />", StringComparison.Ordinal));
    }

    private static Task WriteAsync(HttpContext context, byte[] body, string type)
    {
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private static Task SendAsync(HttpContext context, ConsoleFile file)
    {
        var headers = context.Response.GetTypedHeaders();
        headers.ETag = file.Tag;
        if (context.Request.GetTypedHeaders().IfNoneMatch.Any(known => known.Compare(file.Tag, useStrongComparison: false)))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        context.Response.ContentType = file.Type;
        var path = file.Path;
        if (file.GzipLength is not null)
        {
            context.Response.Headers.Vary = HeaderNames.AcceptEncoding;
            if (context.Request.GetTypedHeaders().AcceptEncoding.Any(coding => coding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && coding.Quality != 0))
            {
                context.Response.Headers.ContentEncoding = "gzip";
                path += Gzip;
            }
        }

        context.Response.ContentLength = path == file.Path ? file.Length : file.GzipLength;
        return context.Response.SendFileAsync(path, context.RequestAborted);
    }

    private static FrozenDictionary<string, ConsoleFile> Read(string folder)
    {
        if (!Directory.Exists(folder))
            return FrozenDictionary<string, ConsoleFile>.Empty;
        var types = new FileExtensionContentTypeProvider
        {
            Mappings = { [".dat"] = "application/octet-stream", [".ndjson"] = "application/x-ndjson", [".js"] = "text/javascript", [".pdb"] = "application/octet-stream" },
        };
        var lengths = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).ToDictionary(file => file.FullName, file => file.Length);
        return lengths.Keys.Where(path => !path.EndsWith(Gzip, StringComparison.Ordinal)).ToFrozenDictionary(
            path => System.IO.Path.GetRelativePath(folder, path).Replace('\\', '/'),
            path => new ConsoleFile(
                path, types.TryGetContentType(path, out var type) ? type : "application/octet-stream", TagOf(path), lengths[path],
                lengths.TryGetValue(path + Gzip, out var length) ? length : null),
            StringComparer.Ordinal);
    }

    private static EntityTagHeaderValue TagOf(string path)
    {
        using var file = File.OpenRead(path);
        return new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(file))[..32]}\"", isWeak: true);
    }

    private static ConsoleSettings SettingsOf(SecurityOptions security) => new()
    {
        SignIn = security.RequiresSignIn,
        Keys = security.TakesKeys,
        Authority = security.OpenIdConnect is { IsSet: true, ConsoleClientId.Length: > 0 } ? security.OpenIdConnect.Authority : null,
        ClientId = security.OpenIdConnect.ConsoleClientId,
        Audience = security.OpenIdConnect.Audience,
    };

    /// <summary>A file of the console.</summary>
    /// <param name="Path">Where it lies.</param>
    /// <param name="Type">Its media type.</param>
    /// <param name="Tag">Changes with its bytes.</param>
    /// <param name="Length">Its length, in bytes.</param>
    /// <param name="GzipLength">The length of what lies beside it compressed; null for nothing.</param>
    private sealed record ConsoleFile(string Path, string Type, EntityTagHeaderValue Tag, long Length, long? GzipLength);
}
