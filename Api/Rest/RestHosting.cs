using System.IO.Compression;
using Microsoft.AspNetCore.ResponseCompression;
using OrleansStream.Gateway;
using OrleansStream.Rest.Access;
using OrleansStream.Rest.Cluster;
using OrleansStream.Rest.Fetch;
using OrleansStream.Rest.Groups;
using OrleansStream.Rest.Health;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Http.Codings;
using OrleansStream.Rest.OpenApi;
using OrleansStream.Rest.Produce;
using OrleansStream.Rest.Topics;

namespace OrleansStream.Rest;

/// <summary>
/// The REST door as a part of a host: it needs an <see cref="IGrainFactory"/> beside it and an <see cref="OrleansStream.Hosting.IReadiness"/>, which
/// is among the health checks.
/// </summary>
public static class RestHosting
{
    /// <summary>Adds the REST door, and the gateway behind it.</summary>
    /// <param name="services">The host's services.</param>
    public static IServiceCollection AddRest(this IServiceCollection services)
    {
        services.AddGateway();
        services.AddSingleton<BodyDrain>();
        services.AddSingleton<ProducerEndpoints>();
        services.AddSingleton<TopicEndpoints>();
        services.AddSingleton<ProduceEndpoints>();
        services.AddSingleton<FetchEndpoints>();
        services.AddSingleton<TailEndpoints>();
        services.AddSingleton<GroupEndpoints>();
        services.AddSingleton<GroupOffsetEndpoints>();
        services.AddSingleton<GroupRetryEndpoints>();
        services.AddHealthChecks();
        services.AddSingleton<HealthEndpoints>();
        services.AddSingleton<ClusterEndpoints>();
        services.AddSingleton<KeyEndpoints>();
        services.AddSingleton<RightEndpoints>();
        services.AddSingleton<TicketEndpoints>();
        services.AddSingleton<CallerEndpoints>();
        services.AddCors();
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
        return services;
    }

    /// <summary>Serves the REST door.</summary>
    /// <param name="app">The host, to which <see cref="AddRest"/> was applied.</param>
    /// <param name="addPages">Adds pages for browsers.</param>
    /// <param name="home">Where <c>/</c> leads.</param>
    public static void UseRest(this WebApplication app, Action<WebApplication>? addPages = null, string home = "/swagger")
    {
        RefusedRequests.Explain(app.Services);
        app.UseMiddleware<ConnectionReleaseMiddleware>();
        app.UseMiddleware<StalledReaderMiddleware>();
        app.UseMiddleware<StrictTransportMiddleware>();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseMiddleware<HeadMiddleware>();
        app.UseAllowedOrigins();
        // Response compression cuts even an answer that it does not code into many small writes (300 KB into 80). So it is left out where the caller
        // wants no coding.
        app.UseWhen(ContentCoding.IsWanted, coded => coded.UseResponseCompression());
        app.UseApiDescription();
        addPages?.Invoke(app);
        app.UseRouting();
        app.UseMiddleware<ForeignPageMiddleware>();
        app.UseMiddleware<SignInMiddleware>();
        app.UseMiddleware<RightsMiddleware>();
        app.UseMiddleware<OperationGate>();
        app.UseMiddleware<AdmissionMiddleware>();
        app.MapGet("/", context =>
        {
            context.Response.Redirect(home);
            return Task.CompletedTask;
        });
        HealthEndpoints.Map(app);
        var v1 = app.MapGroup("/v1");
        TopicEndpoints.Map(v1);
        ProduceEndpoints.Map(v1);
        ProducerEndpoints.Map(v1);
        FetchEndpoints.Map(v1);
        TailEndpoints.Map(v1);
        GroupEndpoints.Map(v1);
        GroupOffsetEndpoints.Map(v1);
        GroupRetryEndpoints.Map(v1);
        ClusterEndpoints.Map(v1);
        KeyEndpoints.Map(v1);
        RightEndpoints.Map(v1);
        TicketEndpoints.Map(v1);
        CallerEndpoints.Map(v1);
    }
}
