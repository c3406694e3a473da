using System.Text.Json;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.OpenApi;

/// <summary>The description of the API at <c>/swagger/v1/swagger.json</c>, and the page over it at <c>/swagger</c>.</summary>
internal static class OpenApiHosting
{
    private const string Introduction =
        "Kafka-like event streaming over REST. To begin: create a topic (PUT /v1/topics/matches, Execute as it stands), append the example "
        + "records, then read them back from their partition.\n\nEvery failure is a problem document (RFC 9457) with Kafka's name of "
        + "the error, and says whether the same request may succeed later. Where quotas are set, a client is who its header `Client-Id` says, else its address.";

    // Swagger UI calls the server that the document names. The page's own address is the one that works through a proxy that ends TLS.
    private const string CallTheServerOfThePage =
        "(request) => { const url = new URL(request.url, location.href); if (url.host === location.host) request.url = location.origin + url.pathname + url.search; return request; }";

    /// <summary>Adds the description.</summary>
    /// <param name="services">Takes the services of the description.</param>
    public static void AddApiDescription(this IServiceCollection services)
    {
        services.AddEndpointsApiExplorer();
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower);
        services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc("v1", new OpenApiInfo
            {
                Title = "OrleansStream",
                Version = "v1",
                Description = Introduction,
                License = new OpenApiLicense { Name = "MIT", Identifier = "MIT" },
            });
            swagger.OrderActionsBy(action =>
                Journey.PlaceOf(action.ActionDescriptor.EndpointMetadata.OfType<Operation>().FirstOrDefault()).ToString("D4"));
            swagger.OperationFilter<OperationFilter>();
            swagger.DocumentFilter<DocumentFilter>();
            swagger.DocumentFilter<DescriptionFilter>();
            swagger.SupportNonNullableReferenceTypes();
            swagger.IncludeXmlComments(typeof(OpenApiHosting).Assembly);
            swagger.IncludeXmlComments(typeof(ApiJsonContext).Assembly);
            JsonKinds.AddTo(swagger);
        });
    }

    /// <summary>Serves the description and the page; both come from this process alone.</summary>
    /// <param name="app">Takes the pages of the description.</param>
    public static void UseApiDescription(this IApplicationBuilder app)
    {
        var script = ReadPageScript();
        var security = app.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value;
        // Both middlewares match every path against patterns, so requests for records do not go through them.
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/swagger"), description =>
        {
            description.UsePageHeaders(script, security.OpenIdConnect);
            description.UseSwagger(document =>
            {
                // NSwag 14.8, Kiota 1.38 and openapi-typescript 7.13 take it without a warning, and 3.0 can describe neither a value of
                // several types nor a reference with a description of its own.
                document.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
                // In full: a generated client has it for its default, and Kiota warns of an address without a host.
                document.PreSerializeFilters.Add((api, request) =>
                    api.Servers =
                    [
                        // HTTP/1.0 may leave the host out.
                        new OpenApiServer { Url = request.Host.HasValue ? $"{request.Scheme}://{request.Host}{request.PathBase}" : "/" },
                    ]);
            });
            description.UseSwaggerUI(ui =>
            {
                ui.DocumentTitle = "OrleansStream";
                ui.SwaggerEndpoint("/swagger/v1/swagger.json", "OrleansStream v1");
                ui.DisplayRequestDuration();
                ui.EnableTryItOutByDefault();
                ui.DefaultModelsExpandDepth(0);
                ui.HeadContent = $"<script>{script}</script>";
                ui.ConfigObject.Plugins = ["OrleansStreamPage"];
                ui.UseRequestInterceptor(CallTheServerOfThePage);
                if (security.OpenIdConnect.SwaggerClientId is { Length: > 0 } clientId)
                {
                    ui.OAuthClientId(clientId);
                    ui.OAuthUsePkce();
                }
            });
        });
    }

    private static string ReadPageScript()
    {
        using var script = typeof(OpenApiHosting).Assembly.GetManifestResourceStream("OrleansStream.Rest.OpenApi.page.js")!;
        using var reader = new StreamReader(script);
        return reader.ReadToEnd();
    }
}
