using System.Text.Json;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace OrleansStream.WebConsole.Access;

/// <summary>
/// Signs people in with an issuer of OpenID Connect, such as Entra ID: by a code and its proof (RFC 6749, section 4.1; RFC 7636), so no secret is
/// in the browser.
/// </summary>
/// <param name="http">Asks the issuer.</param>
/// <param name="browser">Its storage for the tab keeps what must outlast the way to the issuer and back.</param>
/// <param name="navigation">Leads to the issuer.</param>
/// <param name="session">Has the result.</param>
public sealed class IssuerSignIn(HttpClient http, IJSRuntime browser, NavigationManager navigation, Session session)
{
    private const string Storage = "orleansstream.issuer";
    private const int ProofBytes = 48;

    private string ReturnAddress => navigation.ToAbsoluteUri("").AbsoluteUri;

    /// <summary>Leads to the issuer's page.</summary>
    /// <exception cref="HttpRequestException">The issuer cannot be reached.</exception>
    public async Task BeginAsync()
    {
        var settings = session.Settings!;
        var endpoint = await FindEndpointAsync("authorization_endpoint");
        var proof = await browser.InvokeAsync<string>("streamConsole.randomText", ProofBytes);
        var state = await browser.InvokeAsync<string>("streamConsole.randomText", ProofBytes);
        await browser.InvokeVoidAsync("sessionStorage.setItem", Storage, $"{state} {proof} {navigation.Uri}");
        var scope = $"openid {ScopeOf(settings.Audience!)}";
        var query = new Dictionary<string, object?>
        {
            ["client_id"] = settings.ClientId,
            ["response_type"] = "code",
            ["redirect_uri"] = ReturnAddress,
            ["scope"] = scope,
            ["state"] = state,
            ["code_challenge"] = await browser.InvokeAsync<string>("streamConsole.sha256", proof),
            ["code_challenge_method"] = "S256",
        };
        navigation.NavigateTo(navigation.GetUriWithQueryParameters(endpoint, query), forceLoad: true);
    }

    /// <summary>Takes what the issuer sent people back with; does nothing for any other address.</summary>
    /// <returns>Why they are not signed in; null when they are, or when nobody came back.</returns>
    /// <exception cref="HttpRequestException">The issuer cannot be reached.</exception>
    public async Task<string?> EndAsync()
    {
        var query = QueryOf(new Uri(navigation.Uri));
        if (!query.TryGetValue("state", out var state) || await browser.InvokeAsync<string?>("sessionStorage.getItem", Storage) is not { } kept)
            return null;
        await browser.InvokeVoidAsync("sessionStorage.removeItem", Storage);
        var parts = kept.Split(' ', 3);
        if (parts.Length != 3 || parts[0] != state)
            return "The answer belongs to another sign-in. Begin again.";
        if (!query.TryGetValue("code", out var code))
            return query.GetValueOrDefault("error_description") ?? query.GetValueOrDefault("error") ?? "The issuer gave no code.";
        using var body = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["client_id"] = session.Settings!.ClientId!,
            ["code"] = code,
            ["redirect_uri"] = ReturnAddress,
            ["code_verifier"] = parts[1],
        });
        using var response = await http.PostAsync(await FindEndpointAsync("token_endpoint"), body);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        if (!response.IsSuccessStatusCode || !answer.RootElement.TryGetProperty("access_token", out var token))
            return answer.RootElement.TryGetProperty("error_description", out var error) ? error.GetString() : "The issuer gave no token.";
        var refusal = await session.SignInAsync(token.GetString());
        navigation.NavigateTo(parts[2], replace: true);
        return refusal;
    }

    // Entra ID names what a token is for by a scope; `.default` is all that the application was given.
    private static string ScopeOf(string audience) => $"{(audience.Contains("://", StringComparison.Ordinal) ? audience : $"api://{audience}")}/.default";

    private async Task<string> FindEndpointAsync(string name)
    {
        using var document = JsonDocument.Parse(await http.GetStringAsync($"{session.Settings!.Authority!.TrimEnd('/')}/.well-known/openid-configuration"));
        return document.RootElement.GetProperty(name).GetString()!;
    }

    private static Dictionary<string, string> QueryOf(Uri address) => address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(part => part.Split('=', 2)).Where(part => part.Length == 2)
        .GroupBy(part => part[0], StringComparer.Ordinal)
        .ToDictionary(part => part.Key, part => Uri.UnescapeDataString(part.First()[1].Replace('+', ' ')), StringComparer.Ordinal);
}
