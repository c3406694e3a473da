using System.IO.Compression;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OrleansStream.Api.Endpoints;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Load;
using OrleansStream.Api.Mapping;
using OrleansStream.Api.OpenApi;
using OrleansStream.Api.Producers;

namespace OrleansStream.Api.Hosting;

/// <summary>The REST surface as a part of a host: it needs an <see cref="IGrainFactory"/> beside it and an <see cref="OrleansStream.Hosting.IReadiness"/>.</summary>
internal static class ApiHosting
{
    /// <summary>Where the service listens unless it is told otherwise: this machine only.</summary>
    public const string DefaultUrl = "http://localhost:8080";

    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["Urls"] = DefaultUrl,
        ["Logging:LogLevel:Default"] = "Warning",
        ["Logging:LogLevel:OrleansStream"] = "Information",
    };

    /// <summary>Adds the REST surface.</summary>
    /// <param name="builder">The host.</param>
    public static void AddApi(this WebApplicationBuilder builder)
    {
        // Below every other source, so that any of them overrides it.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = Defaults,
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Limits.RequestBytesDrainedMax;
            kestrel.Limits.MaxConcurrentConnections = Limits.ConnectionsMax;
            kestrel.Limits.MaxRequestLineSize = Limits.RequestLineBytesMax;
            kestrel.Limits.MaxRequestHeadersTotalSize = Limits.RequestHeaderBytesMax;
            kestrel.Limits.MaxRequestHeaderCount = Limits.RequestHeadersMax;
        });
        // A request goes on where its bytes came in, on the thread pool: nothing in it blocks, and to hand it on costs more than most of it.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        AddLogging(builder.Logging);
        IServiceCollection services = builder.Services;
        services.AddSingleton<IMemoryPoolFactory<byte>, ConnectionMemory>();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ClientProducerIds>();
        services.AddSingleton<IValidateOptions<QuotaOptions>, QuotaOptionsValidator>();
        services.AddOptions<QuotaOptions>().BindConfiguration(QuotaOptions.SectionName).ValidateOnStart();
        services.AddSingleton<ClientQuotas>();
        services.AddSingleton(provider => new NodeLoad(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<BodyDrain>();
        services.AddSingleton(provider => new NodeAnswers(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<KnownTopics>();
        services.AddSingleton<ProducerLanes>();
        services.AddSingleton<RecordsAppender>();
        services.AddSingleton<KeyedRequests>();
        services.AddSingleton<ProducerEndpoints>();
        services.AddSingleton<TopicEndpoints>();
        services.AddSingleton<ProduceEndpoints>();
        services.AddSingleton<FetchEndpoints>();
        services.AddSingleton<TailEndpoints>();
        services.AddSingleton<LogEnds>();
        services.AddSingleton<GroupEndpoints>();
        services.AddSingleton<GroupOffsetEndpoints>();
        services.AddSingleton<GroupRetryEndpoints>();
        services.AddSingleton<HealthEndpoints>();
        services.AddApiDescription();
        services.AddResponseCompression(compression =>
        {
            compression.Providers.Add<ZstdCompressionProvider>();
            compression.Providers.Add<BrotliCompressionProvider>();
            compression.Providers.Add<GzipCompressionProvider>();
            compression.MimeTypes = [MediaTypes.Json, MediaTypes.Ndjson];
        });
        services.Configure<BrotliCompressionProviderOptions>(brotli => brotli.Level = CompressionLevel.Fastest);
        services.Configure<GzipCompressionProviderOptions>(gzip => gzip.Level = CompressionLevel.Fastest);
    }

    /// <summary>Serves the REST surface.</summary>
    /// <param name="app">The host.</param>
    public static void UseApi(this WebApplication app)
    {
        RefusedRequests.Explain(app.Services);
        app.UseMiddleware<ConnectionReleaseMiddleware>();
        app.UseMiddleware<StalledReaderMiddleware>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<HeadMiddleware>();
        app.UseResponseCompression();
        app.UseApiDescription();
        app.UseRouting();
        app.UseMiddleware<LostReadMiddleware>();
        app.UseMiddleware<OperationGate>();
        app.UseMiddleware<LoadMiddleware>();
        app.MapGet("/", context =>
        {
            context.Response.Redirect("/swagger");
            return Task.CompletedTask;
        });
        HealthEndpoints.Map(app);
        RouteGroupBuilder v1 = app.MapGroup("/v1");
        TopicEndpoints.Map(v1);
        ProduceEndpoints.Map(v1);
        ProducerEndpoints.Map(v1);
        FetchEndpoints.Map(v1);
        TailEndpoints.Map(v1);
        GroupEndpoints.Map(v1);
        GroupOffsetEndpoints.Map(v1);
        GroupRetryEndpoints.Map(v1);
    }

    private static void AddLogging(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
        });
    }
}
